"""The kind: one mail that takes long holds up all others, or tells by its time that it was sent."""

from email.message import EmailMessage
from threading import Event, Lock

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
