"""The kind: what an account sees of its own links tells whose address it has asked for.

`POST /me/email` answers 202 for every address. What follows in the account must be the same too.
"""

import pytest

from authapi.db import links, users
from authapi.db.clock import read_clock
from authapi.db.links import Purpose, StoredLink
from tests.mail.conftest import MailApi, mail_api, make_mail_api, sends_by_itself
from tests.support.api import PASSWORD, Tokens
from tests.support.clock import TestClock

__all__ = ["mail_api", "make_mail_api", "sends_by_itself"]  # fixtures

ASKER, OWN, OTHER = "eve@example.com", "eve@second.example", "owner@example.com"
STATES = ("free", "taken", "kept")
AT = {state: f"{state}@example.com" for state in STATES}


@pytest.fixture
def eve(mail_api: MailApi) -> Tokens:
    """Return the session of an account, beside addresses in each state."""
    mail_api.api.register(AT["taken"])
    mail_api.api.register(OTHER)
    with mail_api.runtime.db.begin() as tx:
        owner, now = users.find_by_email(tx, OTHER), read_clock(tx)
        assert owner
        kept = (AT["kept"], AT["kept"], now, now + 3600)
        links.add(tx, StoredLink("x" * 22, owner.id, Purpose.UNDO, *kept))
    return mail_api.api.register_and_login(ASKER)


def ask_for(mail_api: MailApi, session: Tokens, email: str) -> None:
    body = {"email": email, "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", headers=session.bearer, json=body)
    mail_api.mails()


@pytest.mark.parametrize("state", STATES)
def test_the_export_has_the_address_whoever_has_it(
    mail_api: MailApi, eve: Tokens, clock: TestClock, state: str
) -> None:
    ask_for(mail_api, eve, AT[state])
    clock.advance(1)
    kept = mail_api.api.expect(200, "GET", "/me/export", headers=eve.bearer).json()
    assert AT[state] in [mail["email"] for mail in kept["pending_mails"]]


@pytest.mark.parametrize("state", STATES)
def test_the_link_to_an_address_that_was_asked_for_before_ends(
    mail_api: MailApi, eve: Tokens, state: str
) -> None:
    ask_for(mail_api, eve, OWN)
    before = mail_api.mail(OWN).token
    ask_for(mail_api, eve, AT[state])
    assert mail_api.post("/email/verify", token=before) == 400


def test_only_the_mail_to_a_free_address_has_a_link(mail_api: MailApi, eve: Tokens) -> None:
    for state in STATES:
        ask_for(mail_api, eve, AT[state])
    assert "?token=" in mail_api.mail(AT["free"], "Your new e-mail").text
    assert "?token=" not in mail_api.mail(AT["taken"], "Your e-mail address at").text
    assert mail_api.mails(AT["kept"]) == []
