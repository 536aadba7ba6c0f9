"""`POST /reauth` with second factors: what is proven now, and what counts of before."""

from typing import Any

import httpx
import pytest

from authapi.services.factors.steps import Proof, Proven, level_of, words_of
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import (
    claims,
    enrol,
    first_step,
    log_in_with,
    second_step,
    with_app,
)
from tests.support.transports import TRANSPORTS, Holder


def reauth(api: Api, tokens: Tokens, **proof: str) -> httpx.Response:
    return api.client.post("/reauth", json=proof, headers=tokens.bearer)


def proven(api: Api, tokens: Tokens) -> tuple[str, list[str]]:
    raw: dict[str, Any] = claims(api, tokens)
    return raw["acr"], raw["amr"]


def reauthenticated(api: Api, tokens: Tokens, **proof: str) -> Tokens:
    answer = reauth(api, tokens, **proof)
    assert answer.status_code == 200, answer.text
    return Tokens(answer.json())


def test_a_code_within_ten_minutes_of_the_password_is_aal2(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    app = enrol(api, tokens, clock)
    clock.advance(560)
    new = reauthenticated(api, tokens, totp_code=app.next_code())
    assert proven(api, new) == ("aal2", ["mfa", "otp", "pwd"])
    assert claims(api, new)["auth_time"] == int(clock())
    assert api.verify(tokens) == 401


def test_a_code_later_than_that_is_aal1(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    clock.advance(601)
    new = reauthenticated(api, tokens, recovery_code=app.recovery_codes[0])
    assert proven(api, new) == ("aal1", ["otp"])


def test_a_password_alone_is_not_enough_where_a_second_factor_is_set(
    api: Api, clock: TestClock
) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    clock.advance(601)
    answer = reauth(api, tokens, password=PASSWORD)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (400, "insufficient_authorization")
    assert body["methods"] == ["totp", "recovery_code"]
    assert api.verify(tokens) == 204
    continued = second_step(api, body["auth_session"], totp_code=app.next_code())
    assert continued.status_code == 200
    new = Tokens(continued.json())
    assert proven(api, new) == ("aal2", ["mfa", "otp", "pwd"])
    assert [api.verify(each) for each in (tokens, new)] == [401, 204]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_both_steps_keep_the_transport(api: Api, clock: TestClock, transport: str) -> None:
    app = with_app(api, clock)
    holder = Holder(api, transport)
    first = first_step(api, transport=transport, remember=False)
    holder.take(second_step(api, first["auth_session"], totp_code=app.next_code()))
    clock.advance(601)
    old = holder.copy()
    waiting = holder.send("POST", "/reauth", json={"password": PASSWORD}).json()
    sent = {"auth_session": waiting["auth_session"], "totp_code": app.next_code()}
    headers = {name: value for name, value in holder.jar.header.items() if name == "Cookie"}
    holder.take(api.client.post("/login/continue", json=sent, headers=headers))
    assert set(holder.body) == set(old.body)
    assert set(holder.jar) == set(old.jar)
    assert [old.is_in(), holder.is_in()] == [False, True]
    cookies = holder.answer.headers.get_list("set-cookie")
    assert all("max-age" not in cookie.lower() for cookie in cookies)


def test_a_password_counts_with_a_code_of_the_last_ten_minutes(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    clock.advance(500)
    new = reauthenticated(api, tokens, password=PASSWORD)
    assert proven(api, new) == ("aal2", ["mfa", "otp", "pwd"])


@pytest.mark.parametrize("kept", ["password", "totp_code"])
def test_no_session_is_kept_fresh_for_ever_by_one_of_the_two(
    api: Api, clock: TestClock, kept: str
) -> None:
    # What the session before had inherited is not handed on again.
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    for acr in ("aal2", "aal1"):
        clock.advance(500)
        proof = {"password": PASSWORD} if kept == "password" else {"totp_code": app.next_code()}
        answer = reauth(api, tokens, **proof)
        if kept == "password" and acr == "aal1":
            assert answer.json()["error"] == "insufficient_authorization"
            return
        tokens = Tokens(answer.json())
        assert proven(api, tokens)[0] == acr


@pytest.mark.parametrize("second", ["/reauth", "/me/password"])
@pytest.mark.parametrize("first", ["/reauth", "/me/password"])
def test_no_session_is_kept_fresh_for_ever_by_the_password_and_changes_of_it(
    api: Api, clock: TestClock, first: str, second: str
) -> None:
    """Every path to a session in the place of another one, after every other."""
    app = with_app(api, clock)
    tokens, password = log_in_with(api, app), PASSWORD

    def prove_it_again(path: str) -> httpx.Response:
        clock.advance(400)
        change = {"current_password": password, "new_password": f"{password}{path}"}
        body = change if path == "/me/password" else {"password": password}
        return api.client.post(path, json=body, headers=tokens.bearer)

    levels = []
    for path in (first, second, "/me/password"):
        answer = prove_it_again(path)
        if answer.status_code == 200:
            tokens = Tokens(answer.json())
            password += path if path == "/me/password" else ""
            levels.append(proven(api, tokens)[0])
        else:
            levels.append(answer.json()["error"])
    # What was let to change the password may go on, and has one factor.
    by_change = ["aal2", "aal1", "insufficient_user_authentication"]
    by_proof = ["aal2", "insufficient_authorization", "insufficient_user_authentication"]
    assert levels == (by_change if second == "/me/password" else by_proof)
    assert api.verify(tokens) == 204
    tokens = reauthenticated(api, tokens, totp_code=app.next_code())
    assert proven(api, tokens)[0] == ("aal2" if second == "/me/password" else "aal1")


def test_who_has_no_second_factor_proves_the_password(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    clock.advance(700)
    assert proven(api, reauthenticated(api, tokens, password=PASSWORD)) == ("aal1", ["pwd"])


@sqlite_only
@pytest.mark.parametrize("proof", [{"totp_code": "123456"}, {"recovery_code": "A" * 25}])
def test_a_code_of_who_has_none_is_wrong(api: Api, proof: dict[str, str]) -> None:
    answer = reauth(api, api.register_and_login(), **proof)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_code")


@sqlite_only
@pytest.mark.parametrize("proof", [{"password": "wrong"}, {"password": ""}, {"totp_code": "1"}])
def test_a_wrong_proof_changes_nothing(api: Api, clock: TestClock, proof: dict[str, str]) -> None:
    tokens = log_in_with(api, with_app(api, clock))
    answer = reauth(api, tokens, **proof)
    told = (403, "invalid_credentials") if "password" in proof else (400, "invalid_code")
    assert (answer.status_code, answer.json()["error"]) == told
    assert api.verify(tokens) == 204


@sqlite_only
def test_a_session_that_has_ended_comes_back_by_no_second_step(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    clock.advance(601)
    waiting = reauth(api, tokens, password=PASSWORD).json()["auth_session"]
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    answer = second_step(api, waiting, totp_code=app.next_code())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_session")


@sqlite_only
def test_wrong_codes_count_with_the_failed_log_ins(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="2/hour")
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    asked = [reauth(api, tokens, totp_code=app.code(9)) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [400, 400, 429]
    body = {"email": EMAIL, "password": PASSWORD}
    assert api.client.post("/login", json=body).status_code == 429


@pytest.mark.parametrize(
    ("now", "before", "stored", "acr"),
    [
        (Proven.by(Proof.PASSWORD), "", "pwd", "aal1"),
        (Proven.by(Proof.CODE), "", "otp", "aal1"),
        (Proven.by(Proof.CODE), "pwd", "mfa~ otp pwd~", "aal2"),
        (Proven.by(Proof.CODE), "mfa otp pwd", "mfa~ otp pwd~", "aal2"),
        (Proven.by(Proof.CODE), "mfa~ otp pwd~", "otp", "aal1"),
        (Proven.by(Proof.PASSWORD), "mfa~ otp pwd~", "mfa~ otp~ pwd", "aal2"),
        (Proven.by(Proof.PASSWORD), "mfa~ otp~ pwd", "pwd", "aal1"),
        (Proven.by(Proof.PASSKEY, user_verified=True), "", "mfa pop", "aal2"),
        (Proven.by(Proof.PASSWORD), "mfa pop", "mfa~ pop~ pwd", "aal2"),
        (Proven.by(Proof.PASSKEY), "fed", "fed~ mfa~ pop", "aal2"),
    ],
)
def test_what_is_handed_on_is_handed_on_once(
    now: Proven, before: str, stored: str, acr: str
) -> None:
    amr = now.after(Proven.read(before)).amr
    assert (amr, level_of(amr)) == (stored, acr)
    assert "~" not in " ".join(words_of(amr))
