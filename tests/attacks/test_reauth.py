"""The kind: a session that has ended and comes back by a proof that began before."""

from collections.abc import Callable

import pytest

from authapi.errors import InvalidToken
from authapi.services.accounts.administration import disable_user
from authapi.services.accounts.devices import Device
from authapi.services.sessions.reauthentication import Proof, reauthenticate
from authapi.web.runtime import Runtime
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only

DEVICE = Device("192.0.2.1", None)


def log_out(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout", headers=tokens.bearer)


def log_out_everywhere(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout/all", headers=api.login().bearer)


def change_the_password(api: Api, tokens: Tokens) -> None:
    body = {"current_password": PASSWORD, "new_password": "a new and longer phrase"}
    api.client.post("/me/password", json=body, headers=api.login().bearer)


def disable(api: Api, tokens: Tokens) -> None:
    runtime: Runtime = api.app.state.runtime
    disable_user(runtime.db, runtime.verifier.verify(tokens.access).sub)


ENDS: list[Callable[[Api, Tokens], None]] = [
    *(log_out, log_out_everywhere, change_the_password, disable),
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_what_ends_a_session_overtakes_a_proof_that_is_hashed(
    api: Api, end: Callable[[Api, Tokens], None]
) -> None:
    tokens = api.register_and_login()
    runtime: Runtime = api.app.state.runtime
    proof = Proof(PASSWORD, runtime.verifier.verify(tokens.access), DEVICE)
    proving = reauthenticate(runtime.db, runtime.passwords, runtime.tokens, proof)
    compute = next(proving)
    end(api, tokens)
    with pytest.raises(InvalidToken):
        proving.send(compute())


@sqlite_only
def test_wrong_passwords_count_with_the_failed_log_ins(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="2/hour")
    tokens = api.register_and_login()
    wrong = {"password": PASSWORD + "x"}
    ask = [api.client.post("/reauth", json=wrong, headers=tokens.bearer) for _ in range(3)]
    assert [answer.status_code for answer in ask] == [403, 403, 429]
    body = {"email": EMAIL, "password": PASSWORD}
    assert api.client.post("/login", json=body).status_code == 429
