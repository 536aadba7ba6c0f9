"""Challenges of passkeys: each is for one purpose, and for one whom it was made for."""

import pytest

from authapi.crypto.challenges import Binding, Challenges, Purpose

SECRETS = (b"a secret of a test, which is long enough",)
NOW = 1_800_000_000.0


@pytest.mark.parametrize("other", Purpose)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_challenge_is_for_its_purpose_whoever_asks(purpose: Purpose, other: Purpose) -> None:
    # Ids of sessions and of accounts look alike: nobody must rely on their being different.
    challenges = Challenges(SECRETS)
    made = challenges.make(Binding(purpose, "A" * 22), now=NOW)
    read = challenges.read(made.id, Binding(other, "A" * 22), now=NOW)
    assert read == (made if other is purpose else None)
