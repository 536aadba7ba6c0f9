"""CSRF tokens: bound to a session by a key of their own, through a rotation of SECRET."""

import pytest

from authapi.crypto.csrf_tokens import CsrfTokens
from authapi.crypto.derived_keys import PROTECT_FROM_CSRF, SIGN_REFRESH_TOKENS, derive
from authapi.crypto.ids import new_id

OLD, NEW = b"the secret of last year, long enough", b"the secret of this year, long enough"
SID, OTHER = "p4RQpYBpOU1R1Hn0nUdM2Q", "q4RQpYBpOU1R1Hn0nUdM2Q"


def test_a_token_is_constant_and_its_sessions_alone() -> None:
    tokens = CsrfTokens([NEW])
    assert tokens.make(SID) == CsrfTokens([NEW]).make(SID)
    assert tokens.is_of(SID, tokens.make(SID))
    assert not tokens.is_of(OTHER, tokens.make(SID))
    assert len({tokens.make(new_id()) for _ in range(100)}) == 100


def test_it_fits_a_header_and_a_form() -> None:
    assert CsrfTokens([NEW]).make(SID).replace("-", "").replace("_", "").isalnum()
    assert len(CsrfTokens([NEW]).make(SID)) == 43


def test_after_a_rotation_old_tokens_are_good_and_new_ones_are_made() -> None:
    before, after = CsrfTokens([OLD]), CsrfTokens([NEW, OLD])
    assert after.is_of(SID, before.make(SID))
    assert after.make(SID) == CsrfTokens([NEW]).make(SID) != before.make(SID)
    assert not after.is_of(OTHER, before.make(SID))


def test_a_process_that_was_not_restarted_yet_takes_both() -> None:
    # Rotated gently: first the new one behind, then in front, then the old one is dropped.
    assert CsrfTokens([OLD, NEW]).is_of(SID, CsrfTokens([NEW, OLD]).make(SID))


def test_a_secret_that_was_dropped_makes_no_good_tokens() -> None:
    assert not CsrfTokens([NEW]).is_of(SID, CsrfTokens([OLD]).make(SID))


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token + "=",
        lambda token: token + "A",
        lambda token: token.swapcase(),
        lambda token: token[::-1],
        lambda token: f" {token}",
        lambda token: "\xff" * 43,
        lambda token: "\U0001f600",
        lambda token: SID,
    ],
)
def test_whatever_else_is_no_token(change: object) -> None:
    assert callable(change)
    tokens = CsrfTokens([NEW, OLD])
    assert not tokens.is_of(SID, change(tokens.make(SID)))


def test_its_key_is_used_for_nothing_else() -> None:
    assert derive(NEW, PROTECT_FROM_CSRF) != derive(NEW, SIGN_REFRESH_TOKENS)
