"""What time makes of a key: the table at the top of services/keys/ring.py."""

import pytest

from authapi.crypto import signing_keys as crypto
from authapi.db.signing_keys import StoredKey
from authapi.errors import Unavailable
from authapi.services.keys.ring import (
    KEPT_SECONDS,
    KeyRing,
    LoadedKey,
    State,
    newest,
    retired_at,
    states,
)

T = 1_800_000_000.0


def dates(
    kid: str, position: int, signs_from: float, compromised_at: float | None = None
) -> StoredKey:
    return StoredKey(kid, "ES256", position, T, signs_from, compromised_at)


OLD, NEW = dates("old", 1, T), dates("new", 2, T + 600)


@pytest.mark.parametrize(
    ("now", "old", "new"),
    [
        (T - 1, State.NEXT, State.NEXT),  # the database's time was turned back
        (T, State.ACTIVE, State.NEXT),
        (T + 599.999, State.ACTIVE, State.NEXT),
        (T + 600, State.RETIRED, State.ACTIVE),
        (T + 600 + KEPT_SECONDS - 0.001, State.RETIRED, State.ACTIVE),
        (T + 600 + KEPT_SECONDS, State.GONE, State.ACTIVE),
        (T + 10**9, State.GONE, State.ACTIVE),
    ],
)
def test_time_alone_moves_a_key_on(now: float, old: State, new: State) -> None:
    assert states([NEW, OLD], now) == {"old": old, "new": new}


@pytest.mark.parametrize("now", [T - 1, T, T + 600, T + 10**9])
def test_a_compromised_key_stays_compromised(now: float) -> None:
    key = dates("old", 1, T, compromised_at=T + 5)
    assert states([key, NEW], now)["old"] is State.COMPROMISED


def test_of_two_keys_that_begin_at_one_moment_the_later_made_one_signs() -> None:
    first, second = dates("first", 1, T), dates("second", 2, T)
    assert states([first, second], T) == {"first": State.RETIRED, "second": State.ACTIVE}


def test_the_key_before_a_compromised_one_does_not_sign_again() -> None:
    compromised = dates("new", 2, T + 600, compromised_at=T + 700)
    replacement = dates("third", 3, T + 700)
    assert states([OLD, compromised, replacement], T + 700)["old"] is State.RETIRED
    assert retired_at(OLD, [OLD, compromised, replacement]) == T + 600


def test_a_key_that_was_compromised_before_it_signed_has_retired_no_other() -> None:
    never_signed = dates("new", 2, T + 600, compromised_at=T + 599)
    replacement = dates("third", 3, T + 1199)
    keys = [OLD, never_signed, replacement]
    assert retired_at(OLD, keys) == T + 1199
    assert states(keys, T + 1199 + KEPT_SECONDS - 1)["old"] is State.RETIRED


def test_the_newest_key_is_the_last_to_sign_and_not_the_last_made() -> None:
    replacement = dates("third", 3, T + 100)
    assert newest([OLD, NEW, replacement]) is NEW
    assert newest([OLD, replacement, dates("new", 2, T + 600, compromised_at=T)]) is replacement


def loaded(key: StoredKey) -> LoadedKey:
    signing = crypto.generate("HS256")
    return LoadedKey(key, signing, signing.verifying_key())


def ring_at(now: float, *keys: LoadedKey) -> KeyRing:
    ring = KeyRing()
    ring.replace(keys, now)
    return ring


def test_a_ring_without_keys_signs_nothing() -> None:
    with pytest.raises(Unavailable):
        KeyRing().signing_key(T)


def test_a_next_key_verifies_before_it_signs() -> None:
    old, new = loaded(OLD), loaded(NEW)
    ring = ring_at(T, old, new)
    assert ring.find("new") is new.verifying
    assert ring.signing_key(T + 599) is old.signing


def test_a_next_key_signs_from_its_moment_without_another_poll() -> None:
    old, new = loaded(OLD), loaded(NEW)
    assert ring_at(T, old, new).signing_key(T + 600) is new.signing


def test_a_gone_key_verifies_until_the_database_says_so() -> None:
    ring = ring_at(T, loaded(OLD), loaded(NEW))
    ring.settle(T + 600 + KEPT_SECONDS - 0.001)
    assert ring.find("old")
    ring.settle(T + 600 + KEPT_SECONDS)
    assert ring.find("old") is None
    assert len(ring.published()) == 1


def test_a_ring_whose_keys_are_all_to_come_signs_with_the_first() -> None:
    old, new = loaded(OLD), loaded(NEW)
    assert ring_at(T - 100, old, new).signing_key(T - 100) is old.signing


def test_settling_keeps_the_same_key_objects() -> None:
    key = loaded(OLD)
    ring = ring_at(T, key)
    ring.settle(T + 1)
    assert ring.find("old") is key.verifying
