"""Sends what waits in the outbox, on threads of its own.

  outcome of a try                         the row
  taken by the server                      sent; what it says is removed
  no account, or the link was used since   removed, without a mail
  a notice too many to this address        the same
  refused for good (5xx)                   given up; `authapi mail retry` tries again
  anything else                            due again later, for a day; then given up
  the process dies                         due again after LEASE_SECONDS, with the same Message-ID

So a mail is sent once or, after a crash, twice; never not at all. Several threads send: a server
that takes long for one recipient does not hold up all others. One address may ask for five mails at
once (LIMIT_LINKS). A sixth thread is left for its own mail, whose time so does not tell whether the
five were sent.
"""

from collections.abc import Callable
from functools import cached_property
from math import inf
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from authapi.clock import Clock
from authapi.config import Settings
from authapi.crypto.derived_keys import WrongSecretError
from authapi.db import outbox
from authapi.db.database import Database, open_database
from authapi.db.outbox import DueMail
from authapi.errors import Unavailable
from authapi.logs import log
from authapi.services.mail.addressing import address
from authapi.services.mail.errors import DeliveryError, RefusedMailError
from authapi.services.mail.mails import Mails
from authapi.services.mail.messages import LINKS, WITHOUT_CODE, Mail
from authapi.tracing import traces

if TYPE_CHECKING:
    from authapi.services.mail.delivery import Delivery
    from authapi.services.mail.writing import Writer


SENDING_THREADS = 6
MAIL_CONNECTIONS = SENDING_THREADS + 1  # and one for `depth`
POLL_SECONDS = 2.0  # for mails that another process posted
LEASE_SECONDS = 60.0
NOTING_SECONDS, NOTING_PAUSE_SECONDS = 10.0, 0.1  # a mail takes up to 45 s of the lease
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15.0, 3600.0
MOST_TRIES = 32  # with these pauses they take a day
PROBLEM_LENGTH = 200


MaySend = Callable[[Mail], bool]  # asked once for a mail, before its first try


class MailSender:
    """Sends mails from `start` to `stop`; `wake` tells that one was posted."""

    def __init__(self, settings: Settings, clock: Clock, mails: Mails, may_send: MaySend) -> None:
        self._settings, self._mails, self._clock = settings, mails, clock
        self._may_send = may_send
        # Of all processes, as measured every POLL_SECONDS: health checks and metrics ask no query.
        self.waiting, self.oldest_seconds, self._measured_at = 0, 0.0, -inf
        # Connections of its own: requests that use up theirs must not delay a mail. None is held
        # while a mail server is waited for.
        self.db: Database = open_database(
            settings.database_url, clock, connections=MAIL_CONNECTIONS
        )
        self._wake, self._stopping = Event(), Event()
        self._has_failed = False
        self._threads: list[Thread] = []

    # Made for the first mail: smtplib and Jinja take long to import.
    @cached_property
    def _delivery(self) -> "Delivery":
        from authapi.services.mail.delivery import open_delivery

        return open_delivery(self._settings)

    @cached_property
    def _writer(self) -> "Writer":
        from authapi.services.mail.writing import Writer

        return Writer(self._settings, self._mails.languages)

    def start(self) -> None:
        if not self._threads:
            for number in range(SENDING_THREADS):
                name = f"authapi-mail-{number}"
                self._threads.append(Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()

    def stop(self) -> None:
        """Let the mails under way finish, and send no other."""
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self._stopping.clear()  # it may be started again
        self.db.close()

    def wake(self) -> None:
        self._wake.set()

    def send_due(self) -> int:
        """Send all that is due; return how many rows were tried. Raises Unavailable."""
        tried = 0
        while not self._stopping.is_set() and self._send_next():
            tried += 1
        return tried

    def depth(self) -> tuple[int, float]:
        """Return how many mails wait, and the age of the oldest in seconds. Raises Unavailable."""
        with self.db.connect() as connection:
            return outbox.depth(connection)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            try:
                self.send_due()
                self._has_failed = False
            except Exception as error:  # noqa: BLE001 - it has to go on, whatever happens
                was_told, self._has_failed = self._has_failed, True
                if not was_told:
                    log.warning("mails_not_sent", reason=repr(error))

    def _measure(self) -> None:
        now = self._clock()
        if abs(now - self._measured_at) >= POLL_SECONDS:
            self.waiting, self.oldest_seconds = self.depth()
            self._measured_at = now

    def _send_next(self) -> bool:
        self._measure()
        with self.db.connect(to_write=True) as connection:
            due = outbox.take(connection, LEASE_SECONDS)
        if due is None:
            return False
        with traces.root("send mail", {"authapi.mail.kind": due.kind}):
            self._try(due)
        return True

    def _try(self, due: DueMail) -> None:
        try:
            self._send(due)
        except RefusedMailError as error:
            self._give_up(due, str(error))
        except (DeliveryError, WrongSecretError) as error:
            self._try_later(due, str(error) or "no AUTHAPI_SECRET opens it")
        except Unavailable:
            raise  # the database's: every mail waits
        except Exception as error:  # noqa: BLE001 - one mail must not hold up all others
            self._try_later(due, f"it can't be written: {type(error).__name__}")

    def _send(self, due: DueMail) -> None:
        mail = self._mails.outbox.open(due)
        addressed: Mail | None = mail
        if mail.kind in LINKS:
            with self.db.begin() as tx:
                may_register = self._settings.registration != "closed"
                addressed = address(tx, due, mail, may_register=may_register)
        if addressed is not None and due.tries == 1 and not self._may_send(addressed):
            log.warning("mail_past_limit", mail_id=due.id, kind=due.kind)
            addressed = None
        if addressed is not None:
            self._deliver(due, addressed)
        self._note_done(due, is_for_nobody=addressed is None)

    def _note_done(self, due: DueMail, *, is_for_nobody: bool) -> None:
        """Note it. While the database is busy, try again: else the mail would be sent again."""
        ends_at = monotonic() + NOTING_SECONDS
        while True:
            try:
                with self.db.connect(to_write=True) as connection:
                    if is_for_nobody:  # strangers can ask for as many as they like
                        outbox.remove(connection, due.id)
                    else:
                        outbox.mark_sent(connection, due.id)
            except Unavailable:
                if monotonic() > ends_at or self._stopping.wait(NOTING_PAUSE_SECONDS):
                    raise
            else:
                return

    def _deliver(self, due: DueMail, mail: Mail) -> None:
        from authapi.services.mail.message_format import as_message

        secrets, has_link = self._mails.links.secrets, mail.kind in LINKS
        token = secrets.token(due.id) if has_link else ""
        code = secrets.code(due.id) if has_link and mail.kind not in WITHOUT_CODE else ""
        text = self._writer.write(mail, token=token, code=code)
        self._delivery.send(due.id, as_message(self._settings, due, mail, text))

    def _try_later(self, due: DueMail, problem: str) -> None:
        with self.db.connect(to_write=True) as connection:
            if due.tries >= MOST_TRIES:
                problem = f"given up after a day: {problem}"
                outbox.give_up(connection, due.id, problem[:PROBLEM_LENGTH])
                log.error("mail_given_up", mail_id=due.id, kind=due.kind, reason=problem)
                return
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (due.tries - 1), LONGEST_PAUSE_SECONDS)
            outbox.try_later(connection, due.id, pause, problem[:PROBLEM_LENGTH])
        log.warning("mail_delayed", mail_id=due.id, kind=due.kind, reason=problem)

    def _give_up(self, due: DueMail, problem: str) -> None:
        with self.db.connect(to_write=True) as connection:
            outbox.give_up(connection, due.id, problem[:PROBLEM_LENGTH])
        log.error("mail_given_up", mail_id=due.id, kind=due.kind, reason=problem)
