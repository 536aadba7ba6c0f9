"""A log-in by a passkey that is refused: every lie, and challenges that are not its own."""

from collections.abc import Callable
from threading import Event

import pytest
from sqlalchemy import select

from authapi.db.database import Database
from authapi.db.models import SpentChallenge
from authapi.services.accounts.administration import disable_user
from authapi.services.operation.purge import purge_all
from tests.support.administration import runtime_of
from tests.support.api import PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.authenticator import BE, BS, UP, UV, Authenticator, Lies, b64
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.passkeys import (
    LOG_IN,
    NEW_OPTIONS,
    OPTIONS,
    ask,
    assert_error,
    assert_refused,
    fresh_by_passkey,
    logged_in,
    registered,
    send,
    user_id,
)
from tests.support.together import together

LOG_IN_LIES = {
    "another origin": Lies(origin="https://evil.example"),
    "a subdomain": Lies(origin="http://evil.localhost:8000"),
    "another port": Lies(origin="http://localhost:9000"),
    "another rpId": Lies(rp_id="evil.example"),
    "the type of a registration": Lies(type="webauthn.create"),
    "no user verification": Lies(flags=UP | BE | BS),
    "no user": Lies(flags=UV | BE | BS),
    "a made-up challenge": Lies(challenge=b64(b"A" * 32)),
    "a wrong signature": Lies(signature=b"\x30\x06\x02\x01\x01\x02\x01\x01"),
    "a signature that is none": Lies(signature=b"A"),
    "another user's handle": Lies(user_handle="A" * 22),
    "a frame of another site": Lies(client={"crossOrigin": True}),
    "a page on top of another site": Lies(client={"topOrigin": "https://evil.example"}),
    "backed up, but not eligible": Lies(flags=UP | UV | BS),
    "not eligible any more": Lies(flags=UP | UV),
    "a counter that went back": Lies(counter=1),
    "a counter that is gone": Lies(counter=0),
}


@pytest.mark.parametrize("lies", LOG_IN_LIES.values(), ids=LOG_IN_LIES)
def test_a_log_in_that_lies_is_refused(api: Api, lies: Lies) -> None:
    authenticator = registered(api, api.register_and_login())
    assert logged_in(api, authenticator).status_code == 200
    asked = ask(api, OPTIONS)
    assert_refused(send(api, LOG_IN, asked, authenticator.get(asked["options"], lies)))
    assert logged_in(api, authenticator).status_code == 200


def test_a_log_in_without_a_user_handle_is_refused(api: Api) -> None:
    authenticator = registered(api, api.register_and_login())
    authenticator.user_handle = None
    assert_refused(logged_in(api, authenticator))


def test_an_unknown_a_disabled_and_a_bad_passkey_get_the_same_bytes(api: Api) -> None:
    ada, bob = api.register_and_login(), api.register_and_login("bob@example.com")
    good, disabled = registered(api, ada), registered(api, bob)
    disable_user(runtime_of(api).db, user_id(api, bob))
    unknown = Authenticator()
    unknown.user_handle = good.user_handle
    bad = good.copy()
    bad.private = unknown.private
    answers = [logged_in(api, each) for each in (unknown, bad, disabled)]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (401, answers[0].content)
    }
    assert len({answer.headers.get("www-authenticate") for answer in answers}) == 1
    assert_refused(answers[0])


def test_a_clone_is_refused_and_told_of(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens)
    clone = authenticator.copy()
    assert logged_in(api, authenticator).status_code == 200
    assert_refused(logged_in(api, clone))
    opened = Tokens(logged_in(api, authenticator).json())
    told = api.expect(200, "GET", "/me/events", headers=opened.bearer).json()["events"]
    assert "passkey_copied" in [event["type"] for event in told]


def test_the_counter_of_the_registration_counts(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator = Authenticator()
    clone = authenticator.copy()  # of a passkey that another site has used since
    authenticator.counter = 41
    registered(api, tokens, authenticator)
    clone.user_handle = authenticator.user_handle
    assert_refused(logged_in(api, clone))
    opened = Tokens(logged_in(api, authenticator).json())
    told = api.expect(200, "GET", "/me/events", headers=opened.bearer).json()["events"]
    assert "passkey_copied" in [event["type"] for event in told]


def test_an_authenticator_without_a_counter_goes_on(api: Api) -> None:
    authenticator = registered(api, api.register_and_login(), Authenticator(counts=False))
    assert [logged_in(api, authenticator).status_code for _ in range(2)] == [200, 200]


def test_of_two_uses_of_one_counter_one_is_good(api: Api) -> None:
    authenticator = registered(api, api.register_and_login())
    clone = authenticator.copy()

    def use(each: Authenticator) -> Callable[[], int]:
        asked = ask(api, OPTIONS)
        credential = each.get(asked["options"])
        return lambda: send(api, LOG_IN, asked, credential).status_code

    statuses = together(use(authenticator), use(clone))
    assert sorted(map(str, statuses)) == ["200", "401"]


def test_a_challenge_works_once(api: Api) -> None:
    authenticator = registered(api, api.register_and_login())
    asked = ask(api, OPTIONS)
    assert send(api, LOG_IN, asked, authenticator.get(asked["options"])).status_code == 200
    answer = send(api, LOG_IN, asked, authenticator.get(asked["options"]))
    assert_error(answer, 400, "invalid_session")


def test_a_challenge_is_spent_by_a_bad_answer(api: Api) -> None:
    authenticator = registered(api, api.register_and_login())
    asked = ask(api, OPTIONS)
    lies = Lies(origin="https://evil.example")
    assert_refused(send(api, LOG_IN, asked, authenticator.get(asked["options"], lies)))
    answer = send(api, LOG_IN, asked, authenticator.get(asked["options"]))
    assert_error(answer, 400, "invalid_session")


def test_a_stranger_has_nothing_written(api: Api, db: Database) -> None:
    asked = ask(api, OPTIONS)
    stranger = Authenticator()
    stranger.user_handle = "A" * 22
    assert_refused(send(api, LOG_IN, asked, stranger.get(asked["options"])))
    with db.connect() as connection:
        assert connection.scalars(select(SpentChallenge.id)).all() == []


def test_of_parallel_uses_of_one_challenge_one_is_looked_at(api: Api) -> None:
    authenticator = registered(api, api.register_and_login(), Authenticator(counts=False))
    asked = ask(api, OPTIONS)
    credential = authenticator.get(asked["options"])
    statuses = together(
        *[lambda: send(api, LOG_IN, asked, credential).status_code for _ in range(4)]
    )
    assert sorted(map(str, statuses)) == ["200", "400", "400", "400"]


def test_a_challenge_lives_for_five_minutes(api: Api, clock: TestClock) -> None:
    authenticator = registered(api, api.register_and_login())
    early, late = ask(api, OPTIONS), ask(api, OPTIONS)
    clock.advance(299)
    assert send(api, LOG_IN, early, authenticator.get(early["options"])).status_code == 200
    clock.advance(2)
    answer = send(api, LOG_IN, late, authenticator.get(late["options"]))
    assert_error(answer, 400, "invalid_session")


def test_a_purge_brings_no_spent_challenge_back(
    api: Api, make_api: MakeApi, clock: TestClock
) -> None:
    # A process whose clock is as late as it may be, and the database's own clock purges.
    late = make_api(clock=lambda: clock() - 30)
    authenticator = registered(api, api.register_and_login(), Authenticator(counts=False))
    asked = ask(late, OPTIONS)
    credential = authenticator.get(asked["options"])
    assert send(late, LOG_IN, asked, credential).status_code == 200
    clock.advance(299)
    runtime = runtime_of(api)
    purge_all(runtime.db, runtime.settings, Event())
    assert_error(send(late, LOG_IN, asked, credential), 400, "invalid_session")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),  # the MAC
        lambda text: ("A" if text[0] != "A" else "B") + text[1:],  # the random bytes
        lambda text: text[:22] + "A" * 10 + text[32:],  # the time
        lambda text: text + "A",
        lambda text: "",
        lambda text: text.swapcase(),
        lambda text: "é" * 64,
    ],
)
@sqlite_only
def test_a_forged_challenge_is_refused(api: Api, change: Callable[[str], str]) -> None:
    authenticator = registered(api, api.register_and_login())
    asked = ask(api, OPTIONS)
    credential = authenticator.get(asked["options"])
    asked["challenge_id"] = change(asked["challenge_id"])
    assert_error(send(api, LOG_IN, asked, credential), 400, "invalid_session")


def test_a_challenge_for_something_else_logs_nobody_in(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens)
    tokens = fresh_by_passkey(api, authenticator)
    for path in (NEW_OPTIONS, "/reauth/passkey/options"):
        asked = ask(api, path, tokens)
        answer = send(api, LOG_IN, asked, authenticator.get(asked["options"]))
        assert_error(answer, 400, "invalid_session")


def test_a_secret_that_was_rotated_out_of_first_place_still_counts(make_api: MakeApi) -> None:
    old, new = (
        "an old secret for tests: it is long enough",
        "a new secret for tests: it is long enough",
    )
    before = make_api(secret=old)
    authenticator = registered(before, before.register_and_login())
    asked = ask(before, OPTIONS)
    after = make_api(secret=f"{new},{old}")
    assert send(after, LOG_IN, asked, authenticator.get(asked["options"])).status_code == 200


@sqlite_only
def test_bad_log_ins_count_for_the_address_the_pair_and_the_account(make_api: MakeApi) -> None:
    for limit in ("limit_login_address", "limit_login_pair"):
        api = make_api(**{limit: "2/hour"})
        email = f"{limit}@example.com".replace("_", "-")
        authenticator = registered(api, api.register_and_login(email))
        bad = authenticator.copy()
        bad.private = Authenticator().private
        assert [logged_in(api, bad).status_code for _ in range(3)] == [401, 401, 429]
        body = {"email": email, "password": PASSWORD}
        assert api.client.post("/login", json=body).status_code == 429
