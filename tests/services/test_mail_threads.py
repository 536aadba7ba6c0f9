"""The kind: one mail that takes long holds up all others, or tells by its time that it was sent."""

import sqlite3
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from threading import Event, Lock, Timer

from sqlalchemy import func, select

from authapi.db.models import OutboxMail
from authapi.errors import Unavailable
from authapi.services.mail.sending import SENDING_THREADS
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.until import until

BUSY = SENDING_THREADS - 1


class Tarpit:
    """Takes as long as the test for the first mails, and no time for the others."""

    def __init__(self) -> None:
        self.begun, self.sent, self.over = 0, 0, Event()
        self._lock = Lock()

    def send(self, _mail_id: str, _message: EmailMessage) -> None:
        with self._lock:
            self.begun += 1
            is_slow = self.begun <= BUSY
        if is_slow:
            self.over.wait(30)
        with self._lock:
            self.sent += 1


@sqlite_only
def test_a_mail_server_that_takes_long_holds_up_no_other_mail(make_api: MakeApi) -> None:
    api = make_api()
    tarpit = Tarpit()
    api.app.state.runtime.mail_sender.__dict__["_delivery"] = tarpit
    try:
        for number in range(BUSY):
            api.register(f"slow{number}@example.com")
        until(lambda: tarpit.begun == BUSY)
        api.register()
        until(lambda: tarpit.sent == 1)
    finally:
        tarpit.over.set()
    until(lambda: tarpit.sent == SENDING_THREADS)


class Locking:
    """Takes a mail, and lets somebody hold the database's write lock for a while."""

    def __init__(self, file: Path) -> None:
        self.sent, self._file = 0, file

    def send(self, _mail_id: str, _message: EmailMessage) -> None:
        self.sent += 1
        writer = sqlite3.connect(self._file, check_same_thread=False, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        release = Timer(2.0, writer.close)  # which rolls back
        release.daemon = True
        release.start()


@sqlite_only
def test_a_mail_is_sent_once_though_the_database_is_busy_then(make_api: MakeApi) -> None:
    """The kind: work that was done is done again, since it could not be noted at once."""
    api = make_api()
    runtime = api.app.state.runtime
    locking = Locking(Path(str(runtime.db.engine.url.database)))
    runtime.mail_sender.__dict__["_delivery"] = locking
    api.register()

    def is_noted() -> bool:
        with suppress(Unavailable), runtime.db.connect() as connection:
            return bool(connection.scalar(select(func.count(OutboxMail.sent_at))))
        return False

    until(is_noted, seconds=30, every=0.1)
    assert locking.sent == 1
