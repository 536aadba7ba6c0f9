"""`/me/factors`: list, rename, remove; what each change needs, tells and keeps."""

from typing import Any

import httpx
import pytest

from authapi.crypto.ids import new_id
from authapi.crypto.passwords import NO_PASSWORD
from tests.mail.conftest import MailApi
from tests.support import passkeys
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.authenticator import UP, UV, Authenticator
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import (
    App,
    begin,
    count,
    enrol,
    execute,
    first_step,
    log_in_with,
    second_step,
    with_app,
)

NEW = "a new and longer phrase"
GOOGLE = "https://accounts.google.com"


def ask(api: Api, tokens: Tokens, method: str, path: str, **more: Any) -> httpx.Response:
    return api.client.request(method, path, headers=tokens.bearer, **more)


def kinds(api: Api, tokens: Tokens) -> list[str]:
    return sorted(each["kind"] for each in ask(api, tokens, "GET", "/me/factors").json())


def add_row(api: Api, kind: str) -> str:
    """Add a factor without its ceremony: an identity of Google's."""
    factor_id, db = new_id(), api.app.state.runtime.db
    execute(
        db,
        "INSERT INTO factors (id, user_id, kind, created_at, confirmed_at) "
        f"SELECT '{factor_id}', id, '{kind}', 1, 1 FROM users WHERE email = '{EMAIL}'",
    )
    if kind == "identity":
        values = f"'{factor_id}', 'google', '{GOOGLE}', '1'"
        execute(
            db, f"INSERT INTO identities (factor_id, provider, issuer, subject) VALUES ({values})"
        )
    return factor_id


def take_the_password(api: Api) -> None:
    execute(api.app.state.runtime.db, f"UPDATE users SET password_hash = '{NO_PASSWORD}'")


def challenge(answer: httpx.Response) -> str:
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"] == "insufficient_user_authentication"
    return answer.headers["www-authenticate"]


def test_a_factor_tells_its_kind_and_when_it_was_used(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    listed = {each["kind"]: each for each in ask(api, tokens, "GET", "/me/factors").json()}
    assert set(listed) == {"totp", "recovery_codes"}
    assert listed["totp"] | {"created_at": "", "last_used_at": ""} == {
        "id": app.id,
        "kind": "totp",
        "name": None,
        "created_at": "",
        "last_used_at": "",
        "remaining": None,
        "provider": None,
        "backup_eligible": None,
        "backed_up": None,
    }
    assert listed["totp"]["last_used_at"] > listed["totp"]["created_at"]
    assert listed["recovery_codes"]["last_used_at"] is None


@sqlite_only
def test_an_identity_tells_its_provider(api: Api) -> None:
    tokens = api.register_and_login()
    add_row(api, "identity")
    [factor] = ask(api, tokens, "GET", "/me/factors").json()
    assert (factor["kind"], factor["provider"]) == ("identity", "google")


@pytest.mark.parametrize(
    ("name", "stored"), [("Telephone", "Telephone"), ("  ", None), (None,) * 2]
)
def test_a_factor_is_renamed(
    api: Api, clock: TestClock, name: str | None, stored: str | None
) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    answer = ask(api, tokens, "PATCH", f"/me/factors/{app.id}", json={"name": name})
    assert (answer.status_code, answer.json()["name"]) == (200, stored)


@sqlite_only
@pytest.mark.parametrize("body", [{}, {"name": "x" * 65}, {"name": "a\nb"}, {"name": 1}])
def test_what_is_no_name_is_422(api: Api, clock: TestClock, body: dict[str, object]) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    assert ask(api, tokens, "PATCH", f"/me/factors/{app.id}", json=body).status_code == 422


@sqlite_only
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_the_factor_of_another_is_not_found(api: Api, clock: TestClock, method: str) -> None:
    app = with_app(api, clock)
    eve = api.register_and_login("eve@example.com")
    body = {"json": {"name": "x"}} if method == "PATCH" else {}
    for factor_id in (app.id, "A" * 22, "%00", "x"):
        assert ask(api, eve, method, f"/me/factors/{factor_id}", **body).status_code == 404
    begun = begin(api, eve, clock)
    assert ask(api, eve, method, f"/me/factors/{begun.id}", **body).status_code == 404


def test_the_recovery_codes_go_with_the_last_second_factor(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    begun = ask(api, tokens, "POST", "/me/totp").json()
    other = App(clock, begun["otpauth_uri"], begun["id"])
    body = {"id": other.id, "code": other.code()}
    assert ask(api, tokens, "POST", "/me/totp/confirm", json=body).status_code == 200
    assert ask(api, tokens, "DELETE", f"/me/factors/{app.id}").status_code == 204
    assert kinds(api, tokens) == ["recovery_codes", "totp"]
    first_step(api)
    assert ask(api, tokens, "DELETE", f"/me/factors/{other.id}").status_code == 204
    assert kinds(api, tokens) == []
    api.login()  # the password alone is enough again
    for table in ("factors", "totp_secrets", "recovery_codes"):
        assert count(api.app.state.runtime.db, table) == 0


def test_recovery_codes_can_be_removed_alone(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    [codes] = [
        each["id"]
        for each in ask(api, tokens, "GET", "/me/factors").json()
        if each["kind"] == "recovery_codes"
    ]
    assert ask(api, tokens, "DELETE", f"/me/factors/{codes}").status_code == 204
    assert first_step(api)["methods"] == ["totp"]


def by_password_and(api: Api, passkey: Authenticator) -> Tokens:
    waiting = first_step(api)["auth_session"]
    asked = passkeys.ask(api, passkeys.OPTIONS, auth_session=waiting)
    sent = {"challenge_id": asked["challenge_id"], "credential": passkey.get(asked["options"])}
    body = {"auth_session": waiting, "passkey": sent}
    return Tokens(api.expect(200, "POST", "/login/continue", json=body).json())


def test_a_passkey_is_a_way_in_once_it_has_verified_its_user(api: Api) -> None:
    passkey = Authenticator(flags=UP)
    passkeys.registered(api, api.register_and_login(), passkey)
    identity = add_row(api, "identity")
    tokens = by_password_and(api, passkey)
    take_the_password(api)
    answer = ask(api, tokens, "DELETE", f"/me/factors/{identity}")
    assert (answer.status_code, answer.json()["error"]) == (409, "last_way_in")
    passkey.flags = UP | UV
    tokens = Tokens(passkeys.logged_in(api, passkey).json())
    passkey.flags = UP
    assert passkeys.logged_in(api, passkey).status_code == 401
    asked = passkeys.ask(api, "/reauth/passkey/options", tokens)
    sent = {"challenge_id": asked["challenge_id"], "credential": passkey.get(asked["options"])}
    tokens = Tokens(ask(api, tokens, "POST", "/reauth", json={"passkey": sent}).json())
    assert ask(api, tokens, "DELETE", f"/me/factors/{identity}").status_code == 204


@pytest.mark.parametrize(("issuer", "status"), [(GOOGLE, 204), ("https://other.example", 409)])
def test_an_identity_is_a_way_in_while_its_provider_is_in_the_setting(
    make_api: MakeApi, issuer: str, status: int
) -> None:
    provider = {"name": "google", "issuer": issuer, "audiences": ["an-id"]}
    api = make_api(identity_providers=[provider])
    passkey = passkeys.registered(api, api.register_and_login())
    add_row(api, "identity")
    take_the_password(api)
    tokens = Tokens(passkeys.logged_in(api, passkey).json())
    [factor] = [
        each["id"]
        for each in ask(api, tokens, "GET", "/me/factors").json()
        if each["kind"] == "passkey"
    ]
    assert ask(api, tokens, "DELETE", f"/me/factors/{factor}").status_code == status


@sqlite_only
def test_of_two_passkeys_that_are_all_there_is_one_may_go(api: Api, clock: TestClock) -> None:
    one = passkeys.registered(api, api.register_and_login())
    clock.advance(1)
    other = passkeys.registered(api, passkeys.fresh_by_passkey(api, one))
    take_the_password(api)
    tokens = passkeys.fresh_by_passkey(api, other)
    first, second = (each["id"] for each in ask(api, tokens, "GET", "/me/factors").json())
    assert ask(api, tokens, "DELETE", f"/me/factors/{first}").status_code == 204
    assert ask(api, tokens, "DELETE", f"/me/factors/{second}").status_code == 409
    assert passkeys.logged_in(api, other).status_code == 200


@sqlite_only
def test_an_app_may_go_though_nothing_else_logs_in(api: Api, clock: TestClock) -> None:
    """It is no way in, and a reset by mail gives a password."""
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    take_the_password(api)
    assert ask(api, tokens, "DELETE", f"/me/factors/{app.id}").status_code == 204


@sqlite_only
def test_beside_a_password_the_only_identity_may_go(api: Api) -> None:
    tokens = api.register_and_login()
    assert ask(api, tokens, "DELETE", f"/me/factors/{add_row(api, 'identity')}").status_code == 204


CHANGES: dict[str, dict[str, Any]] = {
    "PATCH /me/factors/{id}": {"name": "x"},
    "DELETE /me/factors/{id}": {},
    "POST /me/totp": {},
    "POST /me/totp/confirm": {"id": "A" * 22, "code": "123456"},
    "POST /me/recovery-codes": {},
    "PATCH /me": {"username": "ada"},
    "POST /me/password": {"current_password": PASSWORD, "new_password": NEW},
    "POST /me/email": {"password": PASSWORD, "email": "ada@new.example"},
    "POST /me/delete": {"password": PASSWORD},
}
ONLY_WITH_A_SECOND_FACTOR = {"POST /me/password", "POST /me/email", "POST /me/delete"}


def send(api: Api, tokens: Tokens, change: str, factor_id: str) -> httpx.Response:
    method, _, path = change.partition(" ")
    body = {"json": CHANGES[change]} if CHANGES[change] else {}
    return ask(api, tokens, method, path.replace("{id}", factor_id), **body)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_needs_a_fresh_log_in_with_the_second_factor(
    api: Api, clock: TestClock, change: str
) -> None:
    password_alone = api.register_and_login()
    app = enrol(api, password_alone, clock)
    level = 'Bearer error="insufficient_user_authentication", max_age="600", acr_values="aal2"'
    assert challenge(send(api, password_alone, change, app.id)) == level
    tokens = log_in_with(api, app)
    clock.advance(601)
    age = 'Bearer error="insufficient_user_authentication", max_age="600"'
    assert challenge(send(api, tokens, change, app.id)) == age
    answer = api.client.post("/reauth", json={"totp_code": app.next_code()}, headers=tokens.bearer)
    code_alone = Tokens(answer.json())
    assert challenge(send(api, code_alone, change, app.id)) == level
    answer = api.client.post("/reauth", json={"password": PASSWORD}, headers=code_alone.bearer)
    both = Tokens(answer.json())
    assert send(api, both, change, app.id).status_code in {200, 201, 202, 204, 404}


@sqlite_only
@pytest.mark.parametrize("change", CHANGES)
def test_without_a_second_factor_a_change_needs_what_it_needed(
    api: Api, clock: TestClock, change: str
) -> None:
    tokens = api.register_and_login()
    clock.advance(601)
    answer = send(api, tokens, change, "A" * 22)
    if change in ONLY_WITH_A_SECOND_FACTOR:
        assert answer.is_success
    else:
        assert challenge(answer) == (
            'Bearer error="insufficient_user_authentication", max_age="600"'
        )


def test_after_a_new_password_the_session_is_still_aal2(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    body = {"current_password": PASSWORD, "new_password": NEW}
    new = Tokens(ask(api, tokens, "POST", "/me/password", json=body).json())
    assert ask(api, new, "POST", "/me/totp").status_code == 201


def test_every_change_is_an_event(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    ask(api, tokens, "PATCH", f"/me/factors/{app.id}", json={"name": "Telephone"})
    ask(api, tokens, "POST", "/me/recovery-codes")
    ask(api, tokens, "DELETE", f"/me/factors/{app.id}")
    events = ask(api, tokens, "GET", "/me/events").json()["events"]
    told = [
        (each["type"], each["details"]["kind"]) for each in events if "factor_id" in each["details"]
    ]
    assert sorted(told) == sorted(
        [
            ("factor_added", "totp"),
            ("recovery_codes_made", "recovery_codes"),
            ("factor_renamed", "totp"),
            ("recovery_codes_made", "recovery_codes"),
            ("factor_removed", "totp"),
            ("factor_removed", "recovery_codes"),
        ]
    )


@sqlite_only
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_owner_is_told_by_mail(mail_api: MailApi, clock: TestClock, language: str) -> None:
    api = mail_api.api
    tokens = api.register_and_login()
    api.client.headers["Accept-Language"] = language
    app = enrol(api, tokens, clock, name="https://evil.example")
    tokens = log_in_with(api, app)
    ask(api, tokens, "POST", "/me/recovery-codes")
    ask(api, tokens, "DELETE", f"/me/factors/{app.id}")
    notices = [mail for mail in mail_api.mails(EMAIL) if "192.0.2.1" in mail.text]
    about = {
        "en": ("authenticator app was added", "recovery codes were made", "was removed"),
        "de": ("hinzugefügt", "Wiederherstellungscodes erzeugt", "entfernt"),
    }[language]
    for words in about:
        found = [m for m in notices if words in " ".join(m.text.split())]
        assert len(found) == 1, words
        assert "evil.example" not in found[0].text + found[0].html
        assert "token=" not in found[0].text


@sqlite_only
def test_the_export_has_the_factors_without_secrets(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    exported = ask(api, tokens, "GET", "/me/export")
    assert exported.json()["factors"] == ask(api, tokens, "GET", "/me/factors").json()
    secret = app.uri.partition("secret=")[2].partition("&")[0]
    assert secret not in exported.text


def test_a_deleted_account_leaves_nothing(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    first_step(api)
    tokens = log_in_with(api, app)
    assert ask(api, tokens, "POST", "/me/delete", json={"password": PASSWORD}).status_code == 204
    for table in ("factors", "totp_secrets", "recovery_codes", "auth_sessions"):
        assert count(api.app.state.runtime.db, table) == 0


@sqlite_only
def test_a_reset_by_mail_leaves_the_second_factor(mail_api: MailApi, clock: TestClock) -> None:
    api = mail_api.api
    app = with_app(api, clock)
    mail_api.verify(EMAIL)
    mail_api.reset(EMAIL, NEW)
    body = {"email": EMAIL, "password": NEW}
    waiting = api.expect(400, "POST", "/login", json=body).json()["auth_session"]
    assert second_step(api, waiting, totp_code=app.next_code()).status_code == 200
