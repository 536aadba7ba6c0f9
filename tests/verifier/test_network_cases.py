"""The table of forged, altered, mistyped and stale tokens, where the keys come from a served set.

HS256 has none: a secret that were published would be no secret.
"""

from collections.abc import Iterator

import pytest

from authapi.verifier import InvalidTokenError, Verifier, VerifierNotReadyError
from tests.support.rows import every_row
from tests.support.until import until
from tests.verifier.case import ASYMMETRIC
from tests.verifier.cases import ACCEPTED, CASES
from tests.verifier.fake_issuer import ISSUER, FakeIssuer
from tests.verifier.fixtures import NOW, signer_of


@pytest.fixture(scope="module")
def verifiers() -> Iterator[dict[str, Verifier]]:
    made = {
        algorithm: Verifier(
            issuer=ISSUER,
            audience="authapi",
            clock=lambda: NOW,
            transport=FakeIssuer(signer_of(algorithm)),
        )
        for algorithm in ASYMMETRIC
    }
    for verifier in made.values():
        verifier.start()
    until(lambda: all(verifier.status().is_ready for verifier in made.values()))
    yield made
    for verifier in made.values():
        verifier.close()


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_bad_token_is_refused(verifiers: dict[str, Verifier], algorithm: str) -> None:
    with every_row() as row:
        for case in [case for case in CASES if algorithm in case.algorithms]:
            with row(case.name):
                with pytest.raises(InvalidTokenError) as refusal:
                    verifiers[algorithm].verify(case.make(signer_of(algorithm)))
                assert refusal.value.reason.partition(": ")[0] == case.reason
                assert not isinstance(refusal.value, VerifierNotReadyError)
                # Whatever hangs on an exception ends in logs.
                assert refusal.value.__cause__ is None
                assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_an_unusual_but_valid_token_is_accepted(
    verifiers: dict[str, Verifier], algorithm: str
) -> None:
    with every_row() as row:
        for case in ACCEPTED:
            with row(case.name):
                token = case.make(signer_of(algorithm))
                assert verifiers[algorithm].verify(token).sid == "the-session"
