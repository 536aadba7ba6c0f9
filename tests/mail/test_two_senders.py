"""The kind: one process fails with a mail that another has sent, as the first one's lease ran out.

What the first one notes then must not let the mail be tried again: what it says is removed.
"""

from email.message import EmailMessage

import pytest

from authapi.db import outbox
from authapi.services.mail.errors import DeliveryError, RefusedMailError
from tests.support.api import Api


class Overtaken:
    """Lets another process send the mail meanwhile, and fails."""

    def __init__(self, api: Api, error: DeliveryError) -> None:
        self._db, self._error = api.app.state.runtime.db, error

    def send(self, mail_id: str, _message: EmailMessage) -> None:
        with self._db.connect(to_write=True) as connection:
            outbox.mark_sent(connection, mail_id)
        raise self._error


@pytest.mark.parametrize(
    "error", [DeliveryError("no answer"), RefusedMailError("550 no such user")], ids=str
)
def test_a_mail_that_another_process_has_sent_stays_sent(api: Api, error: DeliveryError) -> None:
    sender = api.app.state.runtime.mail_sender
    sender.__dict__["_delivery"] = Overtaken(api, error)
    api.register()
    assert sender.send_due() == 1
    with api.app.state.runtime.db.connect() as connection:
        assert outbox.list_waiting(connection, 10) == []
        assert outbox.count_given_up(connection) == 0
        assert outbox.depth(connection)[0] == 0
