"""A verifier on a fake network, closed at the end of the test."""

from collections.abc import Callable, Iterator

import pytest

from authapi.verifier import Verifier
from tests.support.until import until
from tests.verifier.fake_issuer import ISSUER, FakeIssuer
from tests.verifier.fixtures import NOW

MakeVerifier = Callable[..., Verifier]


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
def make_verifier(issuer: FakeIssuer) -> Iterator[MakeVerifier]:
    """Yield a function that makes verifiers of the fake issuer, with any of their settings."""
    made: list[Verifier] = []

    def make(**settings: object) -> Verifier:
        usual = {
            "issuer": ISSUER,
            "audience": "authapi",
            "clock": lambda: NOW,
            "transport": issuer,
            "poll_interval": 0.02,
        }
        made.append(Verifier(**(usual | settings)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for verifier in made:
        verifier.close()


@pytest.fixture
def verifier(make_verifier: MakeVerifier) -> Verifier:
    """Return a verifier that has loaded keys and revocations."""
    loaded = make_verifier()
    loaded.start()
    until(lambda: loaded.status().is_ready)
    return loaded
