"""Forged, altered, mistyped and stale access tokens, through the verifier itself."""

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authapi.verifier import InvalidTokenError
from tests.support.rows import every_row
from tests.verifier.cases import ACCEPTED, CASES, altered
from tests.verifier.fixtures import signer_of, verifier_for
from tests.verifier.signer import ALGORITHMS

SIGNERS = {algorithm: signer_of(algorithm) for algorithm in ALGORITHMS}
VERIFIERS = {algorithm: verifier_for(signer) for algorithm, signer in SIGNERS.items()}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_bad_token_is_refused(algorithm: str) -> None:
    with every_row() as row:
        for case in [case for case in CASES if algorithm in case.algorithms]:
            with row(case.name):
                token = case.make(SIGNERS[algorithm])
                with pytest.raises(InvalidTokenError) as refusal:
                    VERIFIERS[algorithm].verify(token)
                assert refusal.value.reason.partition(": ")[0] == case.reason
                # Whatever hangs on an exception ends in logs.
                assert refusal.value.__cause__ is None
                assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_unusual_but_valid_token_is_accepted(algorithm: str) -> None:
    with every_row() as row:
        for case in ACCEPTED:
            with row(case.name):
                claims = VERIFIERS[algorithm].verify(case.make(SIGNERS[algorithm]))
                assert claims.sid == SIGNERS[algorithm].sid


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_character_of_a_token_can_be_changed(algorithm: str) -> None:
    token = SIGNERS[algorithm].token()
    VERIFIERS[algorithm].verify(token)
    for forged in altered(token):
        with pytest.raises(InvalidTokenError):
            VERIFIERS[algorithm].verify(forged)


@pytest.mark.parametrize("size", [8_193, 1_000_000, 50_000_000])
def test_a_long_token_costs_nothing(size: int) -> None:
    verifier = verifier_for(SIGNERS["ES256"])
    token = SIGNERS["ES256"].token() + "A" * size
    tracemalloc.start()
    with pytest.raises(InvalidTokenError):
        verifier.verify(token)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


@pytest.mark.parametrize(
    "token", [None, b"a.b.c", 1, ["a"], {}, object()], ids=lambda value: type(value).__name__
)
def test_what_is_not_text_is_refused(token: object) -> None:
    with pytest.raises(InvalidTokenError):
        verifier_for(SIGNERS["ES256"]).verify(token)  # type: ignore[arg-type]


FUZZ = settings(max_examples=150, deadline=None, derandomize=True)
SHAPED = st.lists(st.text("abcDEF0189-_= +/\0é", max_size=30), max_size=6).map(".".join)


@FUZZ
@given(token=st.text() | SHAPED)
def test_no_text_raises_anything_but_a_refusal(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        VERIFIERS["ES256"].verify(token)


@FUZZ
@given(header=st.binary(max_size=300), payload=st.binary(max_size=300))
def test_no_signed_bytes_raise_anything_but_a_refusal(header: bytes, payload: bytes) -> None:
    signer, verifier = SIGNERS["HS256"], VERIFIERS["HS256"]
    for token in (
        signer.sign(header, signer.claims()),
        signer.sign(signer.header(), payload),
        signer.sign(header, payload),
    ):
        with pytest.raises(InvalidTokenError):
            verifier.verify(token)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@FUZZ
@given(
    name=st.sampled_from(["iss", "aud", "sub", "sid", "exp", "iat", "nbf", "scope", "jti", "x"]),
    value=JSON_VALUES,
)
def test_no_signed_claim_raises_anything_but_a_refusal(name: str, value: object) -> None:
    with suppress(InvalidTokenError):
        VERIFIERS["HS256"].verify(SIGNERS["HS256"].token(**{name: value}))


@FUZZ
@given(data=st.data(), algorithm=st.sampled_from(ALGORITHMS))
def test_a_mutated_token_never_verifies(data: st.DataObject, algorithm: str) -> None:
    token = SIGNERS[algorithm].token()
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 8)))
    mutated = token[:start] + data.draw(st.text(max_size=8)) + token[end:]
    if mutated == token:
        assert VERIFIERS[algorithm].verify(mutated)
        return
    with pytest.raises(InvalidTokenError):
        VERIFIERS[algorithm].verify(mutated)
