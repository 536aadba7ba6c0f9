"""What a log-in checks of the account, every other way to a session checks too, each time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from authapi.db import auth_sessions, users
from authapi.db.models import Transport
from authapi.services.accounts import password_rules
from authapi.services.accounts.administration import get_by_email
from authapi.services.accounts.administration.changing import Change, change_user
from authapi.services.accounts.administration.ending import reset_factors
from authapi.services.accounts.devices import Device
from authapi.services.sessions import password_change
from authapi.services.sessions.opening import Opening, open_session
from tests.support.administration import runtime_of
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import (
    App,
    count,
    enrol,
    execute,
    first_step,
    log_in_with,
    second_step,
    with_app,
)
from tests.support.passkeys import logged_in, registered
from tests.support.provider import Provider, log_in, serving

NEW = "a new and longer phrase"


class Doors:
    """A user with a second factor and a passkey, whose log-ins need a verified address."""

    def __init__(self, api: Api, clock: TestClock) -> None:
        self.api = api
        self.db = runtime_of(api).db
        api.register()
        self.verify(is_verified=True)
        self.app: App = enrol(api, api.login(), clock)
        self.passkey: Authenticator = registered(api, log_in_with(api, self.app))
        self.tokens = log_in_with(api, self.app)
        self.waiting: str = first_step(api)["auth_session"]

    def verify(self, *, is_verified: bool) -> None:
        user_id = get_by_email(self.db, EMAIL).id
        change_user(self.db, user_id, Change(is_verified=is_verified))

    def post(self, path: str, **body: str) -> httpx.Response:
        return self.api.client.post(path, json=body, headers=self.tokens.bearer)


def by_the_second_step(doors: Doors) -> httpx.Response:
    return second_step(doors.api, doors.waiting, recovery_code=doors.app.recovery_codes[0])


def by_a_passkey(doors: Doors) -> httpx.Response:
    return logged_in(doors.api, doors.passkey)


def by_a_code_again(doors: Doors) -> httpx.Response:
    return doors.post("/reauth", totp_code=doors.app.next_code())


def by_the_password_again(doors: Doors) -> httpx.Response:
    return doors.post("/reauth", password=PASSWORD)


def by_a_new_password(doors: Doors) -> httpx.Response:
    return doors.post("/me/password", current_password=PASSWORD, new_password=NEW)


DOORS: list[Callable[[Doors], httpx.Response]] = [
    *(by_the_second_step, by_a_passkey, by_a_code_again),
    *(by_the_password_again, by_a_new_password),
]


@pytest.mark.parametrize("enter", DOORS, ids=lambda enter: enter.__name__)
def test_an_address_that_is_not_verified_any_more_opens_no_session(
    make_api: MakeApi, clock: TestClock, enter: Callable[[Doors], httpx.Response]
) -> None:
    doors = Doors(make_api(login_needs_verified_email=True), clock)
    doors.verify(is_verified=False)
    before = count(doors.db, "sessions")
    answer = enter(doors)
    assert (answer.status_code, answer.json()["error"]) == (403, "email_not_verified")
    assert count(doors.db, "sessions") == before
    assert doors.api.verify(doors.tokens) == 204
    doors.verify(is_verified=True)
    doors.waiting = first_step(doors.api)["auth_session"]
    doors.app.recovery_codes.pop(0)
    assert enter(doors).status_code == 200


def test_an_address_that_is_not_verified_any_more_overtakes_a_log_in(
    make_api: MakeApi,
) -> None:
    api = make_api(login_needs_verified_email=True)
    api.register()
    runtime = runtime_of(api)
    known = replace(get_by_email(runtime.db, EMAIL), email_verified_at=1.0)
    wanted = Opening(known, Transport.BEARER, Device("192.0.2.1", None), remember=True)
    assert open_session(runtime.db, runtime.tokens, wanted) is None
    change_user(runtime.db, known.id, Change(is_verified=True))
    assert open_session(runtime.db, runtime.tokens, wanted) is not None


@sqlite_only
def test_what_ends_the_proof_between_two_statements_ends_a_log_in_that_waits(
    api: Api, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_app(api, clock)
    waiting = first_step(api)["auth_session"]
    find = auth_sessions.find

    def find_and_end_it(*asked: object) -> object:
        found = find(*asked)  # type: ignore[arg-type]
        execute(runtime_of(api).db, "UPDATE users SET version = version + 1")
        return found

    monkeypatch.setattr(auth_sessions, "find", find_and_end_it)
    answer = second_step(api, waiting, totp_code=app.next_code())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_session")


@sqlite_only
def test_a_second_factor_that_is_added_meanwhile_overtakes_a_new_password(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, check = api.register_and_login(), password_rules.require_acceptable_password

    def add_and_check(password: str, **names: Any) -> None:
        execute(runtime_of(api).db, "UPDATE users SET second_factors = 1")
        check(password, **names)

    monkeypatch.setattr(password_change, "require_acceptable_password", add_and_check)
    body = {"current_password": PASSWORD, "new_password": NEW}
    answer = api.expect(401, "POST", "/me/password", json=body, headers=tokens.bearer)
    assert 'acr_values="aal2"' in answer.headers["www-authenticate"]
    assert api.verify(tokens) == 204
    first_step(api)


@sqlite_only
def test_a_reset_of_the_factors_overtakes_a_log_in_by_id_token(
    make_api: MakeApi, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(clock)
    with serving(provider):
        api = make_api(identity_providers=[provider.setting])
        ada, sent = api.register_and_login(), {"provider": provider.name}
        body = {**sent, "id_token": provider.token()}
        api.expect(201, "POST", "/me/identities", json=body, headers=ada.bearer)
        db, find = runtime_of(api).db, users.find

        def reset_and_find(connection: object, user_id: str) -> object:
            reset_factors(db, user_id)
            return find(connection, user_id)  # type: ignore[arg-type]

        monkeypatch.setattr(users, "find", reset_and_find)
        answer = log_in(api, provider)
        assert (answer.status_code, answer.json()["error"]) == (409, "already_registered")
        assert count(db, "sessions") == 1


@sqlite_only
def test_a_service_that_has_left_the_setting_is_refused_and_the_log_in_still_waits(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(audiences="reports")
    app = with_app(api, clock)
    waiting = first_step(api, resource="reports")["auth_session"]
    answer = second_step(make_api(), waiting, totp_code=app.next_code())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    answer = second_step(api, waiting, recovery_code=app.recovery_codes[0])
    assert Tokens(answer.json()).access
