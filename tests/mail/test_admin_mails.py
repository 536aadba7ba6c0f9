"""What an administrator does is told to the user, and some of it asks the user for something."""

import pytest

from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.administration import Admin, account
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock

NEW = "another quite long phrase"


@pytest.fixture
def admin(mail_api: MailApi) -> Admin:
    return Admin(mail_api.api)


@pytest.fixture
def ada(mail_api: MailApi) -> str:
    return account(mail_api.api, EMAIL, username="ada")


def test_who_gets_an_account_chooses_the_password(mail_api: MailApi, admin: Admin) -> None:
    admin.expect(201, "POST", "/users", json={"email": EMAIL})
    mail = mail_api.mail(EMAIL)
    assert "has made an account for you" in mail.text
    assert mail_api.post("/password/reset", token=mail.token, new_password=NEW) == 204
    mail_api.api.login(password=NEW)
    (user,) = admin.users(q=EMAIL)
    assert user["email_verified"] is True


def test_the_code_of_an_invitation_is_as_good_for_a_day(
    mail_api: MailApi, admin: Admin, clock: TestClock
) -> None:
    admin.expect(201, "POST", "/users", json={"email": EMAIL, "locale": "de"})
    mail = mail_api.mail(EMAIL)
    assert "hat ein Konto für dich angelegt" in mail.text
    clock.advance(86_000)
    proof = {"email": EMAIL, "code": mail.code}
    assert mail_api.post("/password/reset", **proof, new_password=NEW) == 204


def test_an_invitation_ends_after_a_day(mail_api: MailApi, admin: Admin, clock: TestClock) -> None:
    admin.expect(201, "POST", "/users", json={"email": EMAIL})
    token = mail_api.mail(EMAIL).token
    clock.advance(86_401)
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 400


def test_who_was_given_a_password_gets_no_mail(mail_api: MailApi, admin: Admin) -> None:
    admin.expect(201, "POST", "/users", json={"email": EMAIL, "password": PASSWORD})
    assert mail_api.mails(EMAIL) == []


def test_a_reset_is_mailed_and_changes_nothing_before(
    mail_api: MailApi, admin: Admin, ada: str
) -> None:
    tokens = mail_api.api.login()
    admin.expect(202, "POST", f"/users/{ada}/password-reset")
    assert mail_api.api.verify(tokens) == 204
    mail = mail_api.mail(EMAIL, "password")
    assert mail_api.post("/password/reset", token=mail.token, new_password=NEW) == 204
    assert mail_api.api.verify(tokens) == 401
    (event,) = admin.events(type="password_reset_mailed")
    assert (event["user_id"], event["actor_id"]) == (ada, admin.id)


def test_a_disabled_account_gets_no_link(mail_api: MailApi, admin: Admin, ada: str) -> None:
    admin.change(ada, disabled=True)
    refused = admin.expect(409, "POST", f"/users/{ada}/password-reset")
    assert refused["error"] == "account_disabled"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"disabled": True}, "disabled"),
        ({"email": "ada@new.example"}, "another e-mail address"),
        ({"scopes": ["read"]}, "other permissions"),
        ({"username": None}, "username was changed or taken away"),
        ({"email_verified": True}, "counts as verified"),
    ],
)
def test_a_change_is_told_to_the_address_of_before(
    mail_api: MailApi, admin: Admin, ada: str, change: dict[str, object], words: str
) -> None:
    admin.change(ada, **change)
    mail = mail_api.mail(EMAIL)
    assert words in mail.text
    assert "token=" not in mail.text


def test_the_other_acts_are_told(mail_api: MailApi, admin: Admin, ada: str) -> None:
    sid = mail_api.api.login().sid
    admin.expect(204, "DELETE", f"/users/{ada}/sessions/{sid}")
    assert "One of your devices was logged out" in mail_api.mail(EMAIL, "changed").text
    admin.expect(204, "POST", f"/users/{ada}/sign-out")
    assert "all devices" in mail_api.mail(EMAIL, "logged out").text


@pytest.mark.parametrize(("language", "words"), [("en", "was deleted"), ("de", "gelöscht")])
def test_a_deletion_is_told_and_leaves_no_address(
    mail_api: MailApi, admin: Admin, ada: str, language: str, words: str
) -> None:
    headers = {**admin.tokens.bearer, "Accept-Language": language}
    mail_api.api.expect(204, "DELETE", f"/admin/users/{ada}", headers=headers)
    assert words in mail_api.mail(EMAIL).subject


def test_mails_of_administrators_have_their_bound(make_mail_api: MakeMailApi) -> None:
    mail_api = make_mail_api(limit_links="2/hour")
    admin, ada = Admin(mail_api.api), account(mail_api.api, EMAIL)
    path = f"/users/{ada}/password-reset"
    statuses = [admin.ask("POST", path).status_code for _ in range(4)]
    assert statuses == [202, 202, 429, 429]
    assert admin.ask("POST", path).headers["Retry-After"] == "900"
    # The user's own question is counted apart.
    assert mail_api.post("/password/forgot", email=EMAIL) == 202


def test_invitations_have_the_same_bound(make_mail_api: MakeMailApi) -> None:
    """An address may be invited again: its account can be deleted meanwhile."""
    mail_api = make_mail_api(limit_links="2/hour")
    admin, answers = Admin(mail_api.api), []
    for email in (EMAIL, EMAIL.upper(), EMAIL):
        answers.append(admin.ask("POST", "/users", json={"email": email}))
        if answers[-1].status_code == 201:
            admin.expect(204, "DELETE", f"/users/{answers[-1].json()['id']}")
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].headers["Retry-After"] == "900"


def test_an_address_that_is_kept_for_an_undo_is_given_to_nobody_else(
    mail_api: MailApi, admin: Admin, ada: str
) -> None:
    admin.change(ada, email_verified=True)
    asked = {"email": "new@example.com", "password": PASSWORD}
    headers = mail_api.api.login().bearer
    mail_api.api.expect(202, "POST", "/me/email", json=asked, headers=headers)
    assert mail_api.post("/email/verify", token=mail_api.mail("new@example.com").token) == 204
    bob = account(mail_api.api, "bob@example.com")
    for method, path in (("PATCH", f"/users/{bob}"), ("POST", "/users")):
        refused = admin.expect(409, method, path, json={"email": EMAIL})
        assert refused["error"] == "already_registered"
    admin.change(ada, email=EMAIL)
