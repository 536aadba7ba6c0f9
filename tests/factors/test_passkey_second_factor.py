"""A passkey as a second factor: what POST /login/continue and POST /reauth call."""

from typing import Any

import pytest

from authapi.crypto.challenges import LOG_IN, Binding
from authapi.db.database import Database
from authapi.errors import InvalidCode, InvalidSession
from authapi.services.factors.passkey_ceremonies import Asserted, RelyingParty
from authapi.services.factors.passkeys import Answer, proof_again, prove, second_step
from tests.support.administration import runtime_of
from tests.support.api import Api
from tests.support.authenticator import UP, UV, Authenticator, Json, b64
from tests.support.clock import TestClock
from tests.support.factors import execute, first_step
from tests.support.passkeys import (
    NEW_OPTIONS,
    OPTIONS,
    ask,
    assert_error,
    fresh_by_passkey,
    registered,
    user_id,
)


def waiting(api: Api) -> str:
    """Return the auth_session of a log-in that waits."""
    return str(first_step(api)["auth_session"])


def proved(api: Api, asked: Json, credential: Json, binding: Binding, user: str) -> str:
    """Return the `amr` that the answer proves."""
    runtime = runtime_of(api)
    answer = Answer(asked["challenge_id"], credential, runtime.clock())
    return prove(runtime.db, runtime.relying_party, user, answer, binding).amr


def test_a_second_step_asks_for_the_accounts_own_passkeys(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens)
    registered(api, api.register_and_login("bob@example.com"))
    options = ask(api, OPTIONS, auth_session=waiting(api))["options"]
    assert [each["id"] for each in options["allowCredentials"]] == [b64(authenticator.id)]
    assert options["userVerification"] == "preferred"


@pytest.mark.parametrize("auth_session", ["", "A" * 43, "A" * 128, "é"])
def test_a_second_step_of_an_unknown_log_in_is_refused(api: Api, auth_session: str) -> None:
    answer = api.client.post(OPTIONS, json={"auth_session": auth_session})
    assert_error(answer, 400, "invalid_session")


def test_an_auth_session_that_expired_asks_nobody(api: Api, clock: TestClock) -> None:
    registered(api, api.register_and_login())
    auth_session = waiting(api)
    clock.advance(301)
    answer = api.client.post(OPTIONS, json={"auth_session": auth_session})
    assert_error(answer, 400, "invalid_session")


@pytest.mark.parametrize(("flags", "amr"), [(UP, "pop"), (UP | UV, "mfa pop")])
def test_presence_is_enough_for_a_second_factor(api: Api, flags: int, amr: str) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens, Authenticator(flags=flags))
    auth_session = waiting(api)
    asked = ask(api, OPTIONS, auth_session=auth_session)
    authenticator.user_handle = None  # an older one keeps none
    credential = authenticator.get(asked["options"])
    who = user_id(api, tokens)
    assert proved(api, asked, credential, second_step(auth_session), who) == amr
    with pytest.raises(InvalidSession):
        proved(api, asked, credential, second_step(auth_session), who)


def test_another_accounts_passkey_is_no_second_factor(api: Api) -> None:
    tokens = api.register_and_login()
    registered(api, tokens)
    eve = registered(api, api.register_and_login("eve@example.com"))
    auth_session = waiting(api)
    asked = ask(api, OPTIONS, auth_session=auth_session)
    credential = eve.get(asked["options"])
    with pytest.raises(InvalidCode):
        proved(api, asked, credential, second_step(auth_session), user_id(api, tokens))


def test_a_challenge_of_another_log_in_or_purpose_is_no_second_factor(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens)
    who, auth_session = user_id(api, tokens), waiting(api)
    others = [
        ask(api, OPTIONS),
        ask(api, OPTIONS, auth_session=waiting(api)),
        ask(api, "/reauth/passkey/options", tokens),
        ask(api, NEW_OPTIONS, fresh_by_passkey(api, authenticator)),
    ]
    for asked in others:
        credential = authenticator.get(asked["options"])
        with pytest.raises(InvalidSession):
            proved(api, asked, credential, second_step(auth_session), who)


def test_a_challenge_for_reauth_is_for_one_session(api: Api) -> None:
    tokens, other = api.register_and_login(), api.login()
    authenticator = registered(api, tokens)
    who = user_id(api, tokens)
    asked = ask(api, "/reauth/passkey/options", tokens)
    assert [each["id"] for each in asked["options"]["allowCredentials"]] == [b64(authenticator.id)]
    credential = authenticator.get(asked["options"])
    with pytest.raises(InvalidSession):
        proved(api, asked, credential, proof_again(other.sid), who)
    assert proved(api, asked, credential, proof_again(tokens.sid), who) == "mfa pop"


def test_the_oldest_passkey_is_named_first(api: Api, clock: TestClock) -> None:
    added = [registered(api, api.register_and_login())]
    for _ in range(3):
        clock.advance(1)
        added.append(registered(api, fresh_by_passkey(api, added[0])))
    options = ask(api, OPTIONS, auth_session=waiting(api))["options"]
    assert [each["id"] for each in options["allowCredentials"]] == [b64(each.id) for each in added]


class Removing(RelyingParty):
    """Lets its owner remove the passkey while its answer is verified."""

    db: Database

    def read_assertion(self, *given: Any, **more: Any) -> Asserted:
        asserted = super().read_assertion(*given, **more)
        execute(self.db, "DELETE FROM factors")
        return asserted


def test_a_passkey_that_is_removed_meanwhile_was_not_copied(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator, runtime = registered(api, tokens), runtime_of(api)
    asked, rp = ask(api, OPTIONS), Removing(runtime.settings)
    rp.db = runtime.db
    credential = authenticator.get(asked["options"])
    answer = Answer(asked["challenge_id"], credential, runtime.clock())
    with pytest.raises(InvalidCode):
        prove(runtime.db, rp, user_id(api, tokens), answer, LOG_IN)
    told = api.expect(200, "GET", "/me/events", headers=tokens.bearer).json()["events"]
    assert "passkey_copied" not in [event["type"] for event in told]
