"""The kind: a session that another process has ended goes on in a new one.

A process accepts the access token until its next poll, a second at most. Until then who stole it
must not change what outlives the session: with the password he could go round a second factor.
"""

from typing import Any

import pytest

from authapi.services.accounts.administration import sign_out_user
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import log_in_with, with_app
from tests.support.operator import operate

pytestmark = sqlite_only  # PostgreSQL would tell the process at once

NEW = "another phrase of mine"
ACTS: dict[str, dict[str, Any]] = {
    "POST /me/password": {"current_password": PASSWORD, "new_password": NEW},
    "POST /me/email": {"password": PASSWORD, "email": "thief@evil.example"},
    "POST /me/delete": {"password": PASSWORD},
    "PATCH /me": {"username": "thief"},
    "POST /reauth": {"password": PASSWORD},
    "POST /me/totp": {},
    "POST /me/recovery-codes": {},
}


@pytest.fixture
def stolen(api: Api, clock: TestClock) -> Tokens:
    """Return a fresh log-in with a second factor, which was ended by another process just now."""
    tokens = log_in_with(api, with_app(api, clock))
    operate(api, sign_out_user)
    assert api.verify(tokens) == 204, "this process has not heard of it"
    return tokens


@pytest.mark.parametrize("act", ACTS)
def test_an_ended_session_changes_nothing(api: Api, stolen: Tokens, act: str) -> None:
    method, path = act.split()
    body = ACTS[act] or None
    answer = api.client.request(method, path, headers=stolen.bearer, json=body)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    waiting = api.client.post("/login", json={"email": EMAIL, "password": PASSWORD})
    assert waiting.json()["error"] == "insufficient_authorization"
