"""The kind: a link or a code that was ended, and works again or could not be ended."""

import pytest

from authapi.errors import AlreadyRegistered
from authapi.services.accounts.registration import NewUser, Registrar, register
from tests.mail.conftest import MailApi, MakeMailApi, mail_api, make_mail_api, sends_by_itself
from tests.support.api import EMAIL, PASSWORD, Tokens
from tests.support.clock import TestClock
from tests.support.factors import execute

__all__ = ["mail_api", "make_mail_api", "sends_by_itself"]  # fixtures

THIEF, THIEF_2 = "thief@evil.example", "thief2@evil.example"
NEW = "the owner's own phrase"


def ask(mail_api: MailApi, tokens: Tokens, email: str) -> None:
    body = {"email": email, "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", json=body, headers=tokens.bearer)


def change(mail_api: MailApi, clock: TestClock, tokens: Tokens, email: str) -> None:
    clock.advance(1)
    ask(mail_api, tokens, email)
    assert mail_api.post("/email/verify", token=mail_api.mail(email).token) == 204


def reset(mail_api: MailApi, clock: TestClock) -> str:
    """Choose a new password as the owner, and return the token that did it."""
    clock.advance(1)
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mails(EMAIL)[-1].token
    clock.advance(1)
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 204
    return token


def send_again(mail_api: MailApi) -> None:
    """Send each mail as if the process had died before it noted that they were sent."""
    with mail_api.runtime.db.connect(to_write=True) as connection:
        connection.exec_driver_sql("UPDATE outbox SET next_try_at = created_at, sent_at = NULL")


@pytest.fixture
def keep_mails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every try to note that a mail was sent fail: it stays in the outbox."""
    monkeypatch.setattr("authapi.db.outbox.mark_sent", lambda _connection, _mail_id: None)


def test_an_undo_can_not_be_undone_by_the_thief(mail_api: MailApi, clock: TestClock) -> None:
    """A thief changes the address twice, so that a mailbox of his gets an undo link too."""
    tokens = mail_api.api.register_and_login()
    change(mail_api, clock, tokens, THIEF)
    change(mail_api, clock, tokens, THIEF_2)
    owners, thiefs = (mail_api.mail(to, "was changed").token for to in (EMAIL, THIEF))
    assert mail_api.post("/email/undo", token=owners) == 204
    assert mail_api.post("/email/undo", token=thiefs) == 400
    assert mail_api.api.login()


@pytest.mark.usefixtures("keep_mails")
def test_a_late_mail_brings_no_undo_of_the_thief_back(mail_api: MailApi, clock: TestClock) -> None:
    tokens = mail_api.api.register_and_login()
    change(mail_api, clock, tokens, THIEF)
    change(mail_api, clock, tokens, THIEF_2)
    owners, thiefs = (mail_api.mail(to, "was changed").token for to in (EMAIL, THIEF))
    clock.advance(1)
    assert mail_api.post("/email/undo", token=owners) == 204
    send_again(mail_api)
    mail_api.mails()
    assert mail_api.post("/email/undo", token=thiefs) == 400


@pytest.mark.usefixtures("keep_mails")
def test_a_change_that_a_reset_ended_does_not_come_back_with_a_late_mail(
    mail_api: MailApi, clock: TestClock
) -> None:
    """A mail server of the thief's lets the mail wait until the owner has chosen a password."""
    thief = mail_api.api.register_and_login()
    ask(mail_api, thief, THIEF)
    pending = mail_api.mail(THIEF).token
    reset(mail_api, clock)
    send_again(mail_api)
    mail_api.mails()
    assert mail_api.post("/email/verify", token=pending) == 400
    assert mail_api.post("/login", email=EMAIL, password=NEW) == 200


def test_a_change_that_was_never_sent_before_a_reset_is_not_sent_after_it(
    mail_api: MailApi, clock: TestClock
) -> None:
    thief = mail_api.api.register_and_login()
    mail_api.mails()
    clock.advance(1)
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mails(EMAIL)[-1].token
    ask(mail_api, thief, THIEF)
    clock.advance(1)
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 204
    assert not mail_api.mails(THIEF)


@pytest.mark.usefixtures("keep_mails")
def test_a_used_reset_link_is_not_in_force_again_when_its_mail_is_sent_twice(
    mail_api: MailApi, clock: TestClock
) -> None:
    mail_api.api.register()
    token = reset(mail_api, clock)
    send_again(mail_api)
    mail_api.mails()
    assert mail_api.post("/password/reset", token=token, new_password="a thief's phrase") == 400


def test_a_reset_mail_from_before_a_changed_password_is_not_sent_after_it(
    mail_api: MailApi, clock: TestClock
) -> None:
    tokens = mail_api.api.register_and_login()
    mail_api.mails()
    mail_api.post("/password/forgot", email=EMAIL)
    clock.advance(1)
    body = {"current_password": PASSWORD, "new_password": NEW}
    mail_api.api.expect(200, "POST", "/me/password", json=body, headers=tokens.bearer)
    assert not [mail for mail in mail_api.mails(EMAIL) if "new password" in mail.subject]
    clock.advance(1)
    mail_api.post("/password/forgot", email=EMAIL)
    assert mail_api.mail(EMAIL, "new password").token


def test_nobody_takes_the_old_address_before_its_undo_link_is_sent(
    mail_api: MailApi, clock: TestClock
) -> None:
    """A thief fills the outbox, changes the address, and registers the old one at once."""
    tokens = mail_api.api.register_and_login()
    mail_api.post("/email/verify", token=mail_api.mail(EMAIL).token)
    ask(mail_api, tokens, THIEF)
    token = mail_api.mail(THIEF).token
    clock.advance(1)
    assert mail_api.post("/email/verify", token=token) == 204
    assert mail_api.post("/register", email=EMAIL, password=PASSWORD) == 409
    assert mail_api.post("/email/undo", token=mail_api.mail(EMAIL, "was changed").token) == 204


def give_up_the_address(mail_api: MailApi, clock: TestClock) -> str:
    """Register with the address, verify it, change it, and return the token that undoes that."""
    tokens = mail_api.api.register_and_login()
    mail_api.verify(EMAIL)
    change(mail_api, clock, tokens, "ada@new.example")
    return mail_api.mail(EMAIL, "was changed").token


def test_a_change_that_waits_does_not_get_an_address_that_is_kept(
    mail_api: MailApi, clock: TestClock
) -> None:
    bob = mail_api.api.register_and_login("bob@example.com")
    ask(mail_api, bob, EMAIL)
    pending = mail_api.mail(EMAIL).token
    undo = give_up_the_address(mail_api, clock)
    assert mail_api.post("/email/verify", token=pending) == 400
    assert mail_api.post("/email/undo", token=undo) == 204


def test_an_address_that_came_and_went_while_a_stranger_hashed_is_kept(
    mail_api: MailApi, clock: TestClock
) -> None:
    runtime = mail_api.runtime
    here = Registrar(
        *(runtime.db, runtime.settings, runtime.passwords, runtime.usernames, runtime.mails)
    )
    registering = register(here, NewUser(EMAIL, PASSWORD, address="198.51.100.7"))
    compute = next(registering)  # the address was free
    undo = give_up_the_address(mail_api, clock)
    with pytest.raises(AlreadyRegistered):
        registering.send(compute())
    assert mail_api.post("/email/undo", token=undo) == 204


def test_a_registration_that_waits_gets_no_mail_to_an_address_that_is_kept(
    make_mail_api: MakeMailApi, clock: TestClock
) -> None:
    mail_api = make_mail_api(limit_links="", registration_confirms_email=True)
    assert mail_api.post("/register", email=EMAIL, password=PASSWORD) == 202
    assert mail_api.post("/email/verify", token=mail_api.mail(EMAIL).token) == 204
    change(mail_api, clock, mail_api.api.login(), "ada@new.example")
    before = len(mail_api.mails())
    assert mail_api.post("/register", email=EMAIL, password=PASSWORD) == 202
    assert mail_api.post("/email/verify/resend", email=EMAIL) == 202
    assert len(mail_api.mails()) == before


def test_a_registration_that_waited_does_not_get_an_address_that_is_kept(
    make_mail_api: MakeMailApi, clock: TestClock
) -> None:
    mail_api = make_mail_api(limit_links="", registration_confirms_email=True)
    for email in (EMAIL, "other@example.com"):
        assert mail_api.post("/register", email=email, password=PASSWORD) == 202
    strangers = mail_api.mail(EMAIL).token
    assert mail_api.post("/email/verify", token=mail_api.mail("other@example.com").token) == 204
    owner = mail_api.api.login("other@example.com")
    ask(mail_api, owner, EMAIL)
    assert (
        mail_api.post("/email/verify", token=mail_api.mail(EMAIL, "Your new e-mail").token) == 204
    )
    change(mail_api, clock, owner, "ada@new.example")
    assert mail_api.post("/email/verify", token=strangers) == 400
    assert mail_api.post("/email/undo", token=mail_api.mail(EMAIL, "was changed").token) == 204


def test_who_asks_for_an_address_that_is_kept_gets_no_mail(
    mail_api: MailApi, clock: TestClock
) -> None:
    give_up_the_address(mail_api, clock)
    bob = mail_api.api.register_and_login("bob@example.com")
    before = len(mail_api.mails())
    ask(mail_api, bob, EMAIL)
    assert len(mail_api.mails()) == before


def test_an_owner_may_change_back_to_an_address_that_is_kept(
    mail_api: MailApi, clock: TestClock
) -> None:
    give_up_the_address(mail_api, clock)
    ask(mail_api, mail_api.api.login("ada@new.example"), EMAIL)
    assert (
        mail_api.post("/email/verify", token=mail_api.mail(EMAIL, "Your new e-mail").token) == 204
    )
    assert mail_api.api.login()


def test_a_link_verifies_no_other_address_than_its_own(mail_api: MailApi) -> None:
    """Each change of an address ends such links. Here none did."""
    mail_api.api.register()
    token = mail_api.mail(EMAIL).token
    execute(mail_api.runtime.db, "UPDATE users SET email = 'a@b.example'")
    assert mail_api.post("/email/verify", token=token) == 400
