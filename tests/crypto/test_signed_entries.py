"""Entries of the cache: signed for one name, through a rotation of SECRET."""

import pytest

from authapi.crypto.derived_keys import PROTECT_FROM_CSRF, SIGN_CACHED_SESSIONS, derive
from authapi.crypto.signed_entries import MAC_BYTES, SignedEntries

OLD, NEW = b"the secret of last year, long enough", b"the secret of this year, long enough"
SID, OTHER = "p4RQpYBpOU1R1Hn0nUdM2Q", "q4RQpYBpOU1R1Hn0nUdM2Q"
VALUE = b'{"user_id": "ada"}'
ISSUER = "https://auth.example"


def test_an_entry_gives_its_value_back_under_its_name_alone() -> None:
    entries = SignedEntries([NEW], ISSUER)
    entry = entries.sign(SID, VALUE)
    assert entries.verify(SID, entry) == VALUE
    assert entries.verify(OTHER, entry) is None


@pytest.mark.parametrize("place", range(MAC_BYTES + len(VALUE)))
def test_a_changed_byte_makes_it_no_entry(place: int) -> None:
    entries = SignedEntries([NEW], ISSUER)
    entry = bytearray(entries.sign(SID, VALUE))
    entry[place] ^= 1
    assert entries.verify(SID, bytes(entry)) is None


@pytest.mark.parametrize("length", range(MAC_BYTES + len(VALUE)))
def test_a_part_of_it_is_no_entry(length: int) -> None:
    entries = SignedEntries([NEW], ISSUER)
    assert entries.verify(SID, entries.sign(SID, VALUE)[:length]) is None


def test_no_part_of_the_name_can_move_into_the_value() -> None:
    entries = SignedEntries([NEW], ISSUER)
    entry = entries.sign("ab", b"c")
    assert entries.verify("a", entry[:MAC_BYTES] + b"bc") is None
    assert entries.verify("abc", entry[:MAC_BYTES]) is None
    assert entries.verify("1", entries.sign("", b"1:1x")[:MAC_BYTES] + b"x") is None


def test_after_a_rotation_old_entries_are_good_and_new_ones_are_signed_anew() -> None:
    before, after = SignedEntries([OLD], ISSUER), SignedEntries([NEW, OLD], ISSUER)
    assert after.verify(SID, before.sign(SID, VALUE)) == VALUE
    assert after.sign(SID, VALUE) == SignedEntries([NEW], ISSUER).sign(SID, VALUE)


def test_a_secret_that_was_dropped_signs_nothing_that_counts() -> None:
    assert (
        SignedEntries([NEW], ISSUER).verify(SID, SignedEntries([OLD], ISSUER).sign(SID, VALUE))
        is None
    )


def test_its_key_is_used_for_nothing_else() -> None:
    assert derive(NEW, SIGN_CACHED_SESSIONS) != derive(NEW, PROTECT_FROM_CSRF)


def test_an_entry_of_another_issuer_with_the_same_secret_has_no_value() -> None:
    elsewhere = SignedEntries([NEW], "https://staging.auth.example")
    assert SignedEntries([NEW], ISSUER).verify(SID, elsewhere.sign(SID, VALUE)) is None
