"""The kind: an address that a mail server, or Python, reads as another one or as none."""

import pytest
from sqlalchemy import update

from authapi.db.models import User
from tests.mail.conftest import MailApi, mail_api, make_mail_api, sends_by_itself
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

__all__ = ["mail_api", "make_mail_api", "sends_by_itself"]  # fixtures

pytestmark = sqlite_only

# RFC 2047: Python decodes these in an address, and mails to what comes out.
ENCODED_WORDS = [
    "=?utf-8?q?=61=64=61?=@example.com",
    "=?iso-8859-1?q?=61=64?=a@example.com",
    "=?utf-8?b?YWRh?=@example.com",
    "=?utf-8?q?thief=40evil.example=3e=20?=@example.com",
    "=?utf-8?q?thief=40evil.example=2c?=@example.com",
    "=?x?q?a=0d=0ab?=@example.com",
    "\uff1d\uff1futf-8\uff1fq\uff1fada\uff1f\uff1d@example.com",
]


@pytest.mark.parametrize("email", ENCODED_WORDS)
def test_an_address_with_an_encoded_word_is_refused(mail_api: MailApi, email: str) -> None:
    assert mail_api.post("/register", email=email, password=PASSWORD) == 422


@pytest.mark.parametrize("email", ENCODED_WORDS[:-1])
def test_no_mail_goes_to_what_is_read_out_of_an_address(
    mail_api: MailApi, clock: TestClock, email: str
) -> None:
    """An older release took such an address, or an import."""
    mail_api.api.register()
    assert len(mail_api.mails()) == 1
    with mail_api.runtime.db.connect(to_write=True) as connection:
        connection.execute(update(User).values(email=email))
    mail_api.post("/password/forgot", email=EMAIL)
    mail_api.api.register("next@example.com")
    assert {mail.to for mail in mail_api.mails()} == {EMAIL, "next@example.com"}
    assert len(mail_api.mails()) == 2
    clock.advance(61)
    assert mail_api.runtime.mail_sender.depth() == (0, 0.0)


def test_a_mail_that_can_not_be_written_holds_no_other_up_and_is_given_up(
    mail_api: MailApi, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object, **__: object) -> None:
        raise ValueError("a mistake of ours")

    sender = mail_api.runtime.mail_sender
    mail_api.api.register()
    with monkeypatch.context() as patch:
        patch.setattr("authapi.services.mail.writing.Writer.write", write)
        assert sender.send_due() == 1
        for _ in range(40):
            clock.advance(3600)
            sender.send_due()
    assert sender.depth() == (0, 0.0)
