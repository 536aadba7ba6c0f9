"""To whom a mail goes, and that nothing typed changes that."""

import pytest

from tests.mail.sending import application, send
from tests.support.api import EMAIL, PASSWORD
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.mail_server import MailServer

pytestmark = sqlite_only
ADDRESSES = {
    "ada@bücher.example": "ada@xn--bcher-kva.example",
    "ADA@BÜCHER.example": "ADA@xn--bcher-kva.example",
    "жук@example.com": "жук@example.com",
    "жук@bücher.example": "жук@xn--bcher-kva.example",
    f"{'a' * 64}@{'d' * 60}.{'e' * 60}.example": f"{'a' * 64}@{'d' * 60}.{'e' * 60}.example",
    "o'hara+x=y&z@example.com": "o'hara+x=y&z@example.com",
}


@pytest.mark.parametrize("typed", ADDRESSES)
def test_every_address_that_may_register_gets_its_mail(
    make_api: MakeApi, mail_server: MailServer, typed: str
) -> None:
    api = application(make_api, mail_server.url())
    api.register(typed)
    send(api)
    assert mail_server.addressees == [ADDRESSES[typed]]
    assert str(mail_server.mails[0]["To"]) == ADDRESSES[typed]


@pytest.mark.parametrize(
    "sender", ["Möbel Größe <login@bücher.example>", '"Ada, Countess" <login@auth.example>']
)
def test_a_sender_with_a_name(make_api: MakeApi, mail_server: MailServer, sender: str) -> None:
    api = make_api(smtp_url=mail_server.url(), mail_from=sender)
    api.register()
    send(api)
    assert len(mail_server.mails) == 1
    assert str(mail_server.mails[0]["From"]) == sender.replace("bücher", "xn--bcher-kva")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ada@example.com\r\nBcc: eve@evil.example"},
        {"email": "ada@example.com, eve@evil.example"},
        {"email": "ada@example.com\u2028eve@evil.example"},
        {"email": '"ada\r\n.\r\n"@example.com'},
        {"email": "<eve@evil.example>ada@example.com"},
        {"email": EMAIL, "locale": "de\r\nBcc: eve@evil.example"},
        {"email": EMAIL, "locale": "../../../etc"},
    ],
)
def test_what_a_stranger_types_adds_no_header_and_no_addressee(
    make_api: MakeApi, mail_server: MailServer, body: dict[str, str]
) -> None:
    api = application(make_api, mail_server.url())
    api.client.post("/register", json={"password": PASSWORD, **body})
    api.client.post("/password/forgot", json=body, headers={"Accept-Language": "de;q=1\tx"})
    send(api)
    assert set(mail_server.addressees) <= {EMAIL}
    assert all(mail["Bcc"] is None for mail in mail_server.mails)
