"""Addresses: verified, changed, undone."""

import pytest

from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.api import EMAIL, PASSWORD, Tokens
from tests.support.clock import TestClock

NEW = "ada@new.example"
HOUR = 3600


def profile(mail_api: MailApi, tokens: Tokens) -> tuple[str, bool]:
    body = mail_api.api.client.get("/me", headers=tokens.bearer).json()
    return body["email"], body["email_verified"]


def ask(mail_api: MailApi, tokens: Tokens, email: str = NEW, password: str = PASSWORD) -> int:
    body = {"email": email, "password": password}
    return mail_api.api.client.post("/me/email", json=body, headers=tokens.bearer).status_code


def test_a_registration_sends_a_link_and_a_code(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    mail = mail_api.mail(EMAIL)
    assert profile(mail_api, tokens) == (EMAIL, False)
    assert mail_api.post("/email/verify", email=EMAIL, code=mail.code) == 204
    assert profile(mail_api, tokens) == (EMAIL, True)
    assert mail_api.post("/email/verify", token=mail.token) == 400


def test_the_mail_can_be_sent_again(mail_api: MailApi, clock: TestClock) -> None:
    mail_api.api.register()
    first = mail_api.mail(EMAIL)
    clock.advance(1)
    assert mail_api.post("/email/verify/resend", email=EMAIL) == 202
    second = mail_api.mails(EMAIL)[-1]
    assert mail_api.post("/email/verify", token=first.token) == 400
    assert mail_api.post("/email/verify", token=second.token) == 204
    count = len(mail_api.mails())
    assert mail_api.post("/email/verify/resend", email=EMAIL) == 202  # verified: no mail
    assert mail_api.post("/email/verify/resend", email="nobody@example.com") == 202
    assert len(mail_api.mails()) == count


def test_a_change_waits_for_the_new_mailbox(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    assert ask(mail_api, tokens, password="wrong password") == 403
    assert ask(mail_api, tokens) == 202
    assert profile(mail_api, tokens)[0] == EMAIL
    assert mail_api.post("/email/verify", token=mail_api.mail(NEW).token) == 204
    assert profile(mail_api, tokens) == (NEW, True)
    assert mail_api.post("/login", email=EMAIL, password=PASSWORD) == 401
    assert mail_api.api.login(NEW)


def test_the_old_mailbox_can_undo_it(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    mail_api.post("/email/verify", token=mail_api.mail(EMAIL).token)
    ask(mail_api, tokens)
    mail_api.post("/email/verify", token=mail_api.mail(NEW).token)
    notice = mail_api.mail(EMAIL, "was changed")
    assert NEW in notice.text
    assert mail_api.post("/register", email=EMAIL, password=PASSWORD) == 409  # kept for its owner
    assert mail_api.post("/email/undo", token=notice.token) == 204
    assert mail_api.api.verify(tokens) == 401
    assert mail_api.post("/login", email=NEW, password=PASSWORD) == 401
    assert profile(mail_api, mail_api.api.login()) == (EMAIL, True)
    assert mail_api.post("/email/undo", token=notice.token) == 400


@pytest.mark.parametrize("is_verified", [False, True])
def test_two_changes_do_not_end_the_first_undo(
    mail_api: MailApi, clock: TestClock, is_verified: bool
) -> None:
    """A thief changes the address twice: the owner's link still works."""
    tokens = mail_api.api.register_and_login()
    if is_verified:
        mail_api.verify(EMAIL)
    for new in (NEW, "third@new.example"):
        clock.advance(1)
        ask(mail_api, tokens, new)
        assert mail_api.post("/email/verify", token=mail_api.mail(new).token) == 204
    assert mail_api.post("/email/undo", token=mail_api.mail(EMAIL, "was changed").token) == 204
    assert mail_api.api.login()


def test_an_undo_works_for_72_hours(mail_api: MailApi, clock: TestClock) -> None:
    tokens = mail_api.api.register_and_login()
    mail_api.post("/email/verify", token=mail_api.mail(EMAIL).token)
    ask(mail_api, tokens)
    mail_api.post("/email/verify", token=mail_api.mail(NEW).token)
    token = mail_api.mail(EMAIL, "was changed").token
    clock.advance(72 * HOUR + 1)
    assert mail_api.post("/email/undo", token=token) == 400
    assert mail_api.post("/register", email=EMAIL, password=PASSWORD) == 201


def test_a_taken_address_is_told_to_its_owner_alone(mail_api: MailApi) -> None:
    mail_api.api.register("owner@example.com")
    tokens = mail_api.api.register_and_login()
    assert ask(mail_api, tokens, "owner@example.com") == 202
    notice = mail_api.mail("owner@example.com", "Your e-mail address at")
    assert "belongs to your account" in notice.text
    assert "token=" not in notice.text


def test_an_address_that_was_taken_meanwhile_is_refused(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    ask(mail_api, tokens)
    token = mail_api.mail(NEW).token
    mail_api.api.register(NEW)
    assert mail_api.post("/email/verify", token=token) == 400
    assert profile(mail_api, tokens)[0] == EMAIL


def test_a_reset_leaves_nothing_to_who_registered_a_strangers_address(
    mail_api: MailApi,
) -> None:
    """Pre-hijacking: sessions and a pending change of address end."""
    thief = mail_api.api.register_and_login()
    ask(mail_api, thief, "thief@evil.example")
    pending = mail_api.mail("thief@evil.example").token
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mail(EMAIL, "new password").token
    assert mail_api.post("/password/reset", token=token, new_password="the owner's phrase") == 204
    assert mail_api.post("/email/verify", token=pending) == 400
    assert mail_api.api.verify(thief) == 401
    assert mail_api.api.login(password="the owner's phrase")


def test_a_stranger_holds_no_address_that_he_never_verified(
    mail_api: MailApi, clock: TestClock
) -> None:
    """Registered with another's address, then changed to the own one: its owner can still come."""
    stranger = {"email": EMAIL, "password": "a stranger's phrase"}
    assert mail_api.post("/register", **stranger) == 201
    thief = mail_api.api.login(password="a stranger's phrase")
    ask(mail_api, thief, "thief@evil.example", password="a stranger's phrase")
    clock.advance(1)
    token = mail_api.mail("thief@evil.example").token
    assert mail_api.post("/email/verify", token=token) == 204
    undo = mail_api.mail(EMAIL, "was changed").token
    clock.advance(1)
    owner = {"email": EMAIL, "password": PASSWORD}
    assert mail_api.post("/register", **owner) == 201
    token = mail_api.mails(EMAIL)[-1].token
    assert mail_api.post("/email/verify", token=token) == 204
    assert profile(mail_api, mail_api.api.login()) == (EMAIL, True)
    assert mail_api.post("/email/undo", token=undo) == 400
    assert profile(mail_api, thief)[0] == "thief@evil.example"


def test_an_address_that_was_not_verified_can_be_had_back_too(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    ask(mail_api, tokens)
    mail_api.post("/email/verify", token=mail_api.mail(NEW).token)
    token = mail_api.mail(EMAIL, "was changed").token
    assert mail_api.post("/email/undo", token=token) == 204
    assert profile(mail_api, mail_api.api.login()) == (EMAIL, True)


def test_a_pending_change_does_not_keep_its_address_from_others(mail_api: MailApi) -> None:
    thief = mail_api.api.register_and_login("thief@evil.example")
    ask(mail_api, thief)
    mail_api.api.register(NEW)
    token = mail_api.mail(NEW, "Verify").token
    assert mail_api.post("/email/verify", token=token) == 204


@pytest.mark.parametrize("confirms", [True, False])
def test_an_account_that_is_not_verified_logs_in_once_it_is(
    make_mail_api: MakeMailApi, confirms: bool
) -> None:
    """Also one from before registrations were confirmed."""
    mail_api = make_mail_api()
    mail_api.api.register()
    mail_api = make_mail_api(login_needs_verified_email=True, registration_confirms_email=confirms)
    assert mail_api.post("/login", email=EMAIL, password=PASSWORD) == 403
    assert mail_api.post("/login", email=EMAIL, password="not the password") == 401
    token = mail_api.mail(EMAIL, "Verify").token
    assert mail_api.post("/email/verify", token=token) == 204
    assert mail_api.api.login()


def test_mails_come_in_the_readers_language(mail_api: MailApi) -> None:
    api = mail_api.api
    api.register(locale="de-AT")
    headers = {"Accept-Language": "fr;q=1, de;q=0.5, en;q=0.1"}
    api.client.post("/password/forgot", json={"email": EMAIL}, headers=headers)
    assert [mail.message["Content-Language"] for mail in mail_api.mails()] == ["de", "de"]
    assert "Wähle" in mail_api.mail(EMAIL, "Passwort").subject


def test_mails_about_a_change_come_in_the_language_of_who_changed(mail_api: MailApi) -> None:
    api = mail_api.api
    api.register("owner@example.com")
    tokens = api.register_and_login()
    body = {"email": "owner@example.com", "password": PASSWORD, "locale": "de"}
    api.client.post("/me/email", json=body, headers=tokens.bearer)
    assert mail_api.mail("owner@example.com", "Deine").message["Content-Language"] == "de"
    ask(mail_api, tokens)
    body = {"token": mail_api.mail(NEW).token}
    api.client.post("/email/verify", json=body, headers={"Accept-Language": "de"})
    assert mail_api.mail(EMAIL, "geändert").message["Content-Language"] == "de"
