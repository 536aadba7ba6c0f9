"""A registration of a passkey that is refused: every lie, other people's credentials, garbage."""

from collections.abc import Callable
from typing import Any

import pytest

from authapi.db.database import Database
from tests.support.api import EMAIL, Api
from tests.support.application import MakeApi
from tests.support.authenticator import BS, UP, UV, Authenticator, Lies, b64
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import enrol, execute
from tests.support.passkeys import (
    LOG_IN,
    NEW,
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

# Its shape is looked at: whether it is a product of primes is its owner's matter.
RSA_KEY = {1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\x01\x00\x01"}


def ec_key() -> dict[int, Any]:
    return Authenticator().cose_key


NEW_LIES: dict[str, Lies | Callable[[], Lies]] = {
    "another origin": Lies(origin="https://evil.example"),
    "another rpId": Lies(rp_id="evil.example"),
    "the type of a log-in": Lies(type="webauthn.get"),
    "no user": Lies(flags=UV),
    "a made-up challenge": Lies(challenge=b64(b"A" * 32)),
    "a frame of another site": Lies(client={"crossOrigin": True}),
    "backed up, but not eligible": Lies(flags=UP | UV | BS),
    "no algorithm": lambda: Lies(key={1: 2, -1: 1, -2: b"A" * 32, -3: b"A" * 32}),
    "the algorithm none": lambda: Lies(key={**ec_key(), 3: 0}),
    "an algorithm that was not asked for": lambda: Lies(key={**ec_key(), 3: -47}),
    "an RSA key that says ES256": lambda: Lies(key={**RSA_KEY, 3: -7}),
    "an EC key that says RS256": lambda: Lies(key={**ec_key(), 3: -257}),
    "another curve": lambda: Lies(key={**ec_key(), -1: 2}),
    "a short coordinate": lambda: Lies(key={**ec_key(), -2: b"A"}),
    "a small RSA key": lambda: Lies(key={**RSA_KEY, -1: b"\xff" * 128}),
    "a huge RSA key": lambda: Lies(key={**RSA_KEY, -1: b"\xff" * 1024}),
    "an exponent of one": lambda: Lies(key={**RSA_KEY, -2: b"\x01"}),
}


@pytest.mark.parametrize("lies", NEW_LIES.values(), ids=NEW_LIES)
def test_a_registration_that_lies_is_refused(api: Api, lies: Lies | Callable[[], Lies]) -> None:
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    made = Authenticator().create(asked["options"], lies() if callable(lies) else lies)
    assert_error(send(api, NEW, asked, made, headers=tokens.bearer), 400, "invalid_code")
    assert api.login()  # still without a second factor


def test_a_passkey_without_user_verification_is_a_second_factor_alone(api: Api) -> None:
    authenticator = registered(api, api.register_and_login(), Authenticator(flags=UP))
    assert_refused(logged_in(api, authenticator))


def test_a_credential_of_another_account_is_refused(api: Api) -> None:
    ada, eve = api.register_and_login(), api.register_and_login("eve@example.com")
    authenticator = registered(api, ada)
    asked = ask(api, NEW_OPTIONS, eve)
    thief = authenticator.copy()
    thief.private = Authenticator().private
    answer = send(api, NEW, asked, thief.create(asked["options"]), headers=eve.bearer)
    assert_error(answer, 409, "already_linked")
    assert logged_in(api, authenticator).status_code == 200
    assert api.login("eve@example.com")


def test_of_two_that_add_one_credential_at_once_one_does(api: Api) -> None:
    authenticator = Authenticator()

    def add(email: str) -> Callable[[], int]:
        tokens = api.register_and_login(email)
        asked = ask(api, NEW_OPTIONS, tokens)
        made = authenticator.create(asked["options"])
        return lambda: send(api, NEW, asked, made, headers=tokens.bearer).status_code

    statuses = together(add(EMAIL), add("bob@example.com"))
    assert sorted(map(str, statuses)) == ["201", "409"]


def test_a_registration_for_another_account_is_refused(api: Api) -> None:
    ada, eve = api.register_and_login(), api.register_and_login("eve@example.com")
    asked = ask(api, NEW_OPTIONS, ada)
    made = Authenticator().create(asked["options"])
    assert_error(send(api, NEW, asked, made, headers=eve.bearer), 400, "invalid_session")


def test_a_challenge_of_a_log_in_adds_nothing(api: Api) -> None:
    tokens = api.register_and_login()
    asked = ask(api, OPTIONS)
    made = Authenticator().create({**asked["options"], "user": {"id": user_id(api, tokens)}})
    assert_error(send(api, NEW, asked, made, headers=tokens.bearer), 400, "invalid_session")


def test_a_challenge_from_before_a_second_factor_adds_none_after_it(
    api: Api, clock: TestClock
) -> None:
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    enrol(api, tokens, clock)
    answer = send(api, NEW, asked, Authenticator().create(asked["options"]), headers=tokens.bearer)
    assert_error(answer, 401, "insufficient_user_authentication")


@pytest.mark.parametrize("members", [("id", "rawId"), ("rawId",)], ids=str)
def test_a_credential_has_the_name_that_its_authenticator_gave_it(
    api: Api, members: tuple[str, ...]
) -> None:
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    made = Authenticator().create(asked["options"])
    answer = send(
        api, NEW, asked, made | dict.fromkeys(members, b64(b"A" * 32)), headers=tokens.bearer
    )
    assert_error(answer, 400, "invalid_code")


def test_a_challenge_adds_one_passkey(api: Api) -> None:
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    made = [Authenticator().create(asked["options"]) for _ in range(2)]
    answers = [send(api, NEW, asked, each, headers=tokens.bearer) for each in made]
    assert [answer.status_code for answer in answers] == [201, 400]


@sqlite_only
def test_an_account_has_at_most_fifty(api: Api, db: Database) -> None:
    tokens = fresh_by_passkey(api, registered(api, api.register_and_login()))
    for number in range(48):
        execute(
            db,
            "INSERT INTO factors (id, user_id, kind, created_at, confirmed_at) "
            f"SELECT 'x{number}', id, 'passkey', 1, 1 FROM users",
        )
    columns = "factor_id, credential_id, public_key, sign_count, backup_eligible, backed_up"
    values = "id, id, X'00', 0, FALSE, FALSE, '' FROM factors WHERE id LIKE 'x%'"
    execute(db, f"INSERT INTO passkeys ({columns}, transports) SELECT {values}")
    registered(api, tokens)
    asked = ask(api, NEW_OPTIONS, tokens)
    made = Authenticator().create(asked["options"])
    assert_error(send(api, NEW, asked, made, headers=tokens.bearer), 422, "validation_error")


@sqlite_only
def test_bad_registrations_count_with_the_failed_log_ins(make_api: MakeApi) -> None:
    api = make_api(limit_login_pair="2/hour")
    tokens = api.register_and_login()
    answers = []
    for _ in range(3):
        asked = ask(api, NEW_OPTIONS, tokens)
        made = Authenticator().create(asked["options"], Lies(origin="https://evil.example"))
        answers.append(send(api, NEW, asked, made, headers=tokens.bearer).status_code)
    assert answers == [400, 400, 429]


def deep(levels: int) -> bytes:
    return b"\x81" * levels + b"\x01"


GARBAGE = {
    "nothing": b"",
    "a number": b"\x01",
    "deep CBOR": deep(10_000),
    "a list that says it is long": b"\x9b" + b"\xff" * 8,
    "cut off": b"\xa3\x63fmt",
    "many members": b"\x99\x2f\xff" + b"\x01" * 12_000,
    "a map with a list as a name": b"\xa1\x80\x01",
    "no text": b"\xa1\x61\xff\x01",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@sqlite_only
def test_garbage_is_a_bad_answer(api: Api, garbage: bytes) -> None:
    authenticator = registered(api, api.register_and_login())
    tokens = fresh_by_passkey(api, authenticator)
    for member in ("clientDataJSON", "attestationObject"):
        asked = ask(api, NEW_OPTIONS, tokens)
        made = Authenticator().create(asked["options"])
        made["response"][member] = b64(garbage)[: 16384 if member[0] == "a" else 4096]
        assert_error(send(api, NEW, asked, made, headers=tokens.bearer), 400, "invalid_code")
    for member in ("clientDataJSON", "authenticatorData", "signature"):
        asked = ask(api, OPTIONS)
        used = authenticator.get(asked["options"])
        used["response"][member] = b64(garbage)[: 1024 if member == "signature" else 4096]
        assert_refused(send(api, LOG_IN, asked, used))


CLIENT_DATA = ["[]", "null", "1", '"x"', "{}", "[" * 3000, '{"type": 1, "challenge": 2}']


@pytest.mark.parametrize("text", CLIENT_DATA)
@sqlite_only
def test_client_data_that_is_none_is_a_bad_answer(api: Api, text: str) -> None:
    authenticator = registered(api, api.register_and_login())
    asked = ask(api, OPTIONS)
    used = authenticator.get(asked["options"])
    used["response"]["clientDataJSON"] = b64(text.encode())
    assert_refused(send(api, LOG_IN, asked, used))


MEMBERS = {
    "id": 1364,
    "rawId": 1364,
    "clientDataJSON": 4096,
    "authenticatorData": 4096,
    "signature": 1024,
    "userHandle": 88,
}


@pytest.mark.parametrize("member", MEMBERS)
@sqlite_only
def test_a_huge_member_is_refused_before_it_is_read(api: Api, member: str) -> None:
    authenticator = registered(api, api.register_and_login())
    asked = ask(api, OPTIONS)
    used = authenticator.get(asked["options"])
    place = used if member in used else used["response"]
    place[member] = "A" * (MEMBERS[member] + 1)
    assert_error(send(api, LOG_IN, asked, used), 422, "validation_error")
    place[member] = "A" * MEMBERS[member]
    assert_refused(send(api, LOG_IN, asked, used))


@sqlite_only
def test_members_that_a_browser_adds_are_not_read(api: Api) -> None:
    authenticator = registered(api, api.register_and_login())
    asked = ask(api, OPTIONS)
    used = authenticator.get(asked["options"])
    used["new"] = used["response"]["new"] = {"anything": [1]}
    assert send(api, LOG_IN, asked, used).status_code == 200
