"""Opaque session ids: a sid that may be known, a secret that only the cookie holds."""

import pytest

from authapi.crypto.ids import new_id
from authapi.crypto.session_ids import SessionId, new_session_id, parse_session_id


def test_an_id_is_read_as_it_was_written() -> None:
    made = new_session_id(new_id())
    assert parse_session_id(str(made)) == made


def test_each_has_a_secret_of_256_bits() -> None:
    sid = new_id()
    secrets = {new_session_id(sid).secret for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}


def test_its_digest_knows_it_and_no_other() -> None:
    made = new_session_id(new_id())
    assert made.is_known_by(made.digest)
    assert not new_session_id(made.sid).is_known_by(made.digest)
    assert not made.is_known_by(None)
    assert not made.is_known_by("")


def test_the_digest_and_the_repr_do_not_tell_the_secret() -> None:
    made = new_session_id(new_id())
    assert made.secret not in made.digest
    assert made.secret not in repr(made)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "x", "A" * 22, "A" * 22 + ".", "." + "B" * 43, "A" * 66),
        "A" * 21 + "." + "B" * 43,
        "A" * 23 + "." + "B" * 43,
        "A" * 22 + "." + "B" * 42,
        "A" * 22 + "." + "B" * 44,
        "A" * 22 + "." + "B" * 43 + "\n",
        " " + "A" * 22 + "." + "B" * 43,
        "A" * 22 + ":" + "B" * 43,
        "A" * 22 + "." + "B" * 42 + "=",
        "A" * 22 + "." + "B" * 42 + "é",
        "A" * 21 + "\0." + "B" * 43,
        "\uff21" * 22 + "." + "B" * 43,
    ],
    ids=ascii,
)
def test_what_can_be_no_id_is_none(text: str) -> None:
    assert parse_session_id(text) is None


def test_a_sid_of_another_session_with_this_secret_is_another_id() -> None:
    made = new_session_id(new_id())
    assert SessionId(new_id(), made.secret) != made
