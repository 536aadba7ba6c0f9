"""A passkey as the second step of a log-in, and at /reauth, over HTTP."""

from typing import Any

import httpx
import pytest

from tests.support.api import EMAIL, Api, Tokens
from tests.support.authenticator import UP, UV, Authenticator, Json
from tests.support.clock import TestClock
from tests.support.factors import claims, first_step
from tests.support.passkeys import OPTIONS, ask, assert_error, registered
from tests.support.transports import TRANSPORTS

CONTINUE, REAUTH, REAUTH_OPTIONS = "/login/continue", "/reauth", "/reauth/passkey/options"


def with_passkey(
    api: Api, email: str = EMAIL, flags: int = UP | UV
) -> tuple[Tokens, Authenticator]:
    tokens = api.register_and_login(email)
    return tokens, registered(api, tokens, Authenticator(flags=flags))


def answered(asked: Json, authenticator: Authenticator) -> dict[str, Any]:
    credential = authenticator.get(asked["options"])
    return {"challenge_id": asked["challenge_id"], "credential": credential}


def continued(api: Api, auth_session: str, passkey: dict[str, Any]) -> httpx.Response:
    return api.client.post(CONTINUE, json={"auth_session": auth_session, "passkey": passkey})


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("flags", [UP, UP | UV])
def test_a_passkey_completes_a_log_in(api: Api, transport: str, flags: int) -> None:
    _, authenticator = with_passkey(api, flags=flags)
    waiting = first_step(api, transport=transport)
    assert waiting["methods"] == ["passkey"]
    asked = ask(api, OPTIONS, auth_session=waiting["auth_session"])
    answer = continued(api, waiting["auth_session"], answered(asked, authenticator))
    assert answer.status_code == 200, answer.text
    if transport == "bearer":
        told = claims(api, Tokens(answer.json()))
        assert (told["acr"], told["amr"]) == ("aal2", ["mfa", "pop", "pwd"])
    again = continued(api, waiting["auth_session"], answered(asked, authenticator))
    assert_error(again, 400, "invalid_session")


def test_a_challenge_of_something_else_completes_nothing(api: Api) -> None:
    tokens, authenticator = with_passkey(api)
    one, other = first_step(api)["auth_session"], first_step(api)["auth_session"]
    for asked in (
        ask(api, OPTIONS),
        ask(api, OPTIONS, auth_session=other),
        ask(api, REAUTH_OPTIONS, tokens),
    ):
        answer = continued(api, one, answered(asked, authenticator))
        assert_error(answer, 400, "invalid_session")


def test_a_passkey_that_names_another_user_completes_nothing(api: Api) -> None:
    _, authenticator = with_passkey(api)
    waiting = first_step(api)["auth_session"]
    asked = ask(api, OPTIONS, auth_session=waiting)
    authenticator.user_handle = "A" * 22
    answer = continued(api, waiting, answered(asked, authenticator))
    assert_error(answer, 400, "invalid_code")


def test_another_accounts_passkey_completes_nothing_and_counts(api: Api) -> None:
    with_passkey(api)
    _, eves = with_passkey(api, "eve@example.com")
    waiting = first_step(api)["auth_session"]
    for _ in range(5):
        asked = ask(api, OPTIONS, auth_session=waiting)
        assert_error(continued(api, waiting, answered(asked, eves)), 400, "invalid_code")
    assert_error(api.client.post(OPTIONS, json={"auth_session": waiting}), 400, "invalid_session")


@pytest.mark.parametrize(("flags", "acr"), [(UP, "aal1"), (UP | UV, "aal2")])
def test_a_passkey_alone_makes_a_log_in_fresh(
    api: Api, clock: TestClock, flags: int, acr: str
) -> None:
    tokens, authenticator = with_passkey(api, flags=flags)
    clock.advance(601)
    asked = ask(api, REAUTH_OPTIONS, tokens)
    body = {"passkey": answered(asked, authenticator)}
    fresh = Tokens(api.expect(200, "POST", REAUTH, json=body, headers=tokens.bearer).json())
    told = claims(api, fresh)
    assert (told["acr"], told["auth_time"]) == (acr, int(clock()))
    api.expect(401, "GET", "/verify", headers=tokens.bearer)


def test_a_passkey_and_the_password_before_it_are_two_factors(api: Api) -> None:
    tokens, authenticator = with_passkey(api, flags=UP)
    body = {"passkey": answered(ask(api, REAUTH_OPTIONS, tokens), authenticator)}
    fresh = Tokens(api.expect(200, "POST", REAUTH, json=body, headers=tokens.bearer).json())
    assert claims(api, fresh)["acr"] == "aal2"


def test_a_challenge_of_another_user_makes_nothing_fresh(api: Api) -> None:
    tokens, authenticator = with_passkey(api)
    eve, _ = with_passkey(api, "eve@example.com")
    body = {"passkey": answered(ask(api, REAUTH_OPTIONS, tokens), authenticator)}
    answer = api.client.post(REAUTH, json=body, headers=eve.bearer)
    assert_error(answer, 400, "invalid_session")


def test_two_factors_at_once_are_refused(api: Api) -> None:
    tokens, authenticator = with_passkey(api)
    asked = ask(api, REAUTH_OPTIONS, tokens)
    body = {"passkey": answered(asked, authenticator), "totp_code": "123456"}
    assert_error(api.client.post(REAUTH, json=body, headers=tokens.bearer), 422, "validation_error")
