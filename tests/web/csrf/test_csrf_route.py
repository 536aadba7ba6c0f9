"""GET /csrf, and reading: what needs no token."""

from typing import Any

import pytest

from tests.support.cookies import Jar
from tests.support.service import Service
from tests.support.transports import COOKIE_TRANSPORTS, Holder


@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
def test_reading_needs_no_token(service: Service, user: str, transport: str) -> None:
    holder = Holder(service.api, transport).log_in(user)
    holder.csrf_token = None
    for path in ("/me", "/sessions", "/csrf"):
        assert holder.status("GET", path) == 200
        assert holder.status("HEAD", path) == 200


def given_token(holder: Holder) -> Any:
    return holder.api.expect(200, "GET", "/csrf", headers=holder.jar.header).json()["csrf_token"]


@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
def test_the_token_is_constant_for_a_session(service: Service, user: str, transport: str) -> None:
    holder = Holder(service.api, transport).log_in(user)
    token = given_token(holder)
    assert token == holder.csrf_token
    if transport != "session":
        service.clock.advance(900)
        assert given_token(holder.refreshed()) == holder.csrf_token == token
        service.clock.advance(8 * 86400)  # all its cookies have run out: for the log-out
    assert given_token(holder) == token
    other = Holder(service.api, transport).log_in(user)
    assert given_token(other) != token
    assert holder.send("GET", "/csrf").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
def test_only_a_genuine_cookie_is_given_one(service: Service, user: str, transport: str) -> None:
    holder = Holder(service.api, transport).log_in(user)
    forged = Jar({name: value[:-10] + "AAAAAAAAAA" for name, value in holder.jar.items()})
    for headers in ({}, service.tokens.bearer, forged.header):
        answer = service.client.get("/csrf", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
