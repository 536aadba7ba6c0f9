"""Ways round a second factor, and what one tells of an account: attacks that got through once."""

import pytest

from authapi.crypto.passwords import PasswordHasher, Verification
from authapi.db.database import Database
from authapi.services.accounts import freshness
from authapi.services.sessions import password_change, second_step
from authapi.verifier import Claims
from tests.mail.conftest import MailApi
from tests.support.administration import Admin
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.costs import Answer
from tests.support.databases import sqlite_only
from tests.support.factors import count, enrol, execute, first_step, with_app
from tests.support.passkeys import OPTIONS, assert_refused, logged_in, registered

NEW = "a new and longer phrase"


def log_in(api: Api, password: str = PASSWORD) -> Answer:
    return Answer.of(api.client.post("/login", json={"email": EMAIL, "password": password}))


def test_a_disabled_account_tells_nothing_of_its_second_factor(api: Api, clock: TestClock) -> None:
    with_app(api, clock)
    admin = Admin(api)
    [user] = admin.users(q=EMAIL)
    admin.change(user["id"], disabled=True)
    assert log_in(api) == log_in(api, "wrong")
    assert count(api.app.state.runtime.db, "auth_sessions") == 0


@sqlite_only
def test_neither_does_one_whose_address_is_not_verified(make_api: MakeApi) -> None:
    api = make_api()
    passkey = registered(api, api.register_and_login())
    execute(api.app.state.runtime.db, "UPDATE users SET disabled_at = 1")
    strict = make_api(login_needs_verified_email=True)
    assert log_in(strict) == log_in(strict, "wrong")
    assert_refused(logged_in(strict, passkey))


ENDS = {
    "deleted": "DELETE FROM users WHERE second_factors = 1",
    "disabled": "UPDATE users SET disabled_at = 1, version = version + 1 WHERE second_factors = 1",
    "another password": "UPDATE users SET version = version + 1 WHERE second_factors = 1",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_account_that_ends_between_its_password_and_the_wait_is_refused(
    api: Api, clock: TestClock, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    with_app(api, clock)
    refused = log_in(api, "wrong")

    def end_and_go_on() -> str:
        execute(api.app.state.runtime.db, end)
        return "A" * 43

    monkeypatch.setattr(second_step, "new_auth_session", end_and_go_on)
    assert log_in(api) == refused
    assert count(api.app.state.runtime.db, "auth_sessions") == 0


def test_a_factor_that_is_added_while_a_password_changes_is_asked_for(
    api: Api, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = api.register_and_login()
    look = freshness.require_fresh_if_strong

    def look_and_wait(db: Database, subject: Claims) -> None:
        look(db, subject)
        enrol(api, tokens, clock)

    monkeypatch.setattr(password_change, "require_fresh_if_strong", look_and_wait)
    body = {"current_password": PASSWORD, "new_password": NEW}
    answer = api.client.post("/me/password", json=body, headers=tokens.bearer)
    assert (answer.status_code, answer.json()["error"]) == (401, "insufficient_user_authentication")
    assert first_step(api)["methods"] == ["totp", "recovery_code"]


@sqlite_only
def test_an_auth_session_of_a_disabled_account_tells_no_passkeys(api: Api) -> None:
    registered(api, api.register_and_login())
    waiting = first_step(api)["auth_session"]
    admin = Admin(api)
    [user] = admin.users(q=EMAIL)
    admin.change(user["id"], disabled=True)
    answer = api.client.post(OPTIONS, json={"auth_session": waiting})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_session")


def test_a_stranger_who_registered_the_address_first_keeps_no_passkey(mail_api: MailApi) -> None:
    stranger = registered(mail_api.api, mail_api.api.register_and_login())
    assert logged_in(mail_api.api, stranger).status_code == 200
    mail_api.reset(EMAIL, NEW)
    assert_refused(logged_in(mail_api.api, stranger))
    assert mail_api.api.login(password=NEW)


def test_a_stranger_who_registered_the_address_first_locks_nobody_out(
    mail_api: MailApi, clock: TestClock
) -> None:
    with_app(mail_api.api, clock)
    mail_api.reset(EMAIL, NEW)
    tokens = mail_api.api.login(password=NEW)
    told = mail_api.api.expect(200, "GET", "/me/export", headers=tokens.bearer).json()
    assert told["factors"] == []
    assert [event["type"] for event in told["events"]].count("factor_removed") == 2


@pytest.mark.parametrize(
    ("path", "more"), [("/me/email", {"email": "thief@evil.example"}), ("/me/delete", {})]
)
def test_a_second_factor_that_is_added_during_the_hash_is_needed(
    api: Api, clock: TestClock, monkeypatch: pytest.MonkeyPatch, path: str, more: dict[str, str]
) -> None:
    """It changes no version of the account: what asked for none looks again after the hash."""
    tokens, verify = api.register_and_login(), PasswordHasher.verify

    def enrol_first(hasher: PasswordHasher, password: str, stored: str | None) -> Verification:
        monkeypatch.setattr(PasswordHasher, "verify", verify)
        enrol(api, tokens, clock)
        return hasher.verify(password, stored)

    monkeypatch.setattr(PasswordHasher, "verify", enrol_first)
    body = {"password": PASSWORD, **more}
    answer = api.client.post(path, headers=tokens.bearer, json=body)
    assert answer.status_code == 401
    assert answer.json()["error"] == "insufficient_user_authentication"
    assert first_step(api)["methods"] == ["totp", "recovery_code"]
    assert count(api.app.state.runtime.db, "outbox WHERE kind = 'change_email'") == 0
