"""Passkeys of an account over HTTP: asked for, added, and used to log in."""

from typing import Any

import httpx

from tests.support.api import Api, Tokens
from tests.support.authenticator import Authenticator, Json
from tests.support.factors import claims

OPTIONS, LOG_IN = "/login/passkey/options", "/login/passkey"
NEW_OPTIONS, NEW = "/me/passkeys/options", "/me/passkeys"
REFUSED = {
    "error": "invalid_credentials",
    "error_description": "This passkey opens no account.",
}


def ask(api: Api, path: str, tokens: Tokens | None = None, **body: str) -> Json:
    headers = tokens.bearer if tokens else {}
    return dict(api.expect(200, "POST", path, headers=headers, json=body).json())


def send(api: Api, path: str, asked: Json, credential: Json, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    body = {"challenge_id": asked["challenge_id"], "credential": credential, **more}
    return api.client.post(path, json=body, headers=headers)


def registered(
    api: Api, tokens: Tokens, authenticator: Authenticator | None = None
) -> Authenticator:
    """Return an authenticator that has a passkey of the account."""
    authenticator = authenticator or Authenticator()
    asked = ask(api, NEW_OPTIONS, tokens)
    made = authenticator.create(asked["options"])
    answer = send(api, NEW, asked, made, headers=tokens.bearer)
    assert answer.status_code == 201, answer.text
    return authenticator


def fresh_by_passkey(api: Api, authenticator: Authenticator) -> Tokens:
    """Return tokens of a log-in with two factors: it may add more of them."""
    return Tokens(logged_in(api, authenticator).json())


def logged_in(api: Api, authenticator: Authenticator, **more: Any) -> httpx.Response:
    asked = ask(api, OPTIONS)
    return send(api, LOG_IN, asked, authenticator.get(asked["options"]), **more)


def assert_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()) == (401, REFUSED)


def assert_error(answer: httpx.Response, status: int, error: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def user_id(api: Api, tokens: Tokens) -> str:
    return str(claims(api, tokens)["sub"])
