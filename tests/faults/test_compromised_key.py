"""A key leaks while another service verifies: its successor counts as soon as it does not."""

from collections.abc import Iterator
from functools import partial

import jwt
import pytest

from authapi.verifier import Verifier
from tests.faults.test_service_and_issuer import is_refused
from tests.support.counted_polls import CountingTransport, until_within_polls
from tests.support.installation import ISSUER, Installation
from tests.support.until import until

JWKS = "/.well-known/jwks.json"


@pytest.fixture
def transport() -> CountingTransport:
    return CountingTransport()


@pytest.fixture
def service(installation: Installation, transport: CountingTransport) -> Iterator[Verifier]:
    address = installation.servers[0].base_url
    with Verifier(
        issuer=ISSUER, audience="authapi", fetch_from=address, transport=transport
    ) as verifier:
        until(lambda: verifier.status().is_ready)
        yield verifier


def test_a_token_of_the_successor_is_good_as_soon_as_the_old_key_is_refused(
    installation: Installation, service: Verifier, transport: CountingTransport
) -> None:
    pair = installation.log_in()
    for _ in range(3):
        stolen = pair["access_token"]
        assert service.verify(stolen)
        fetched = transport.answers[JWKS]
        installation.authapi("keys", "compromised", jwt.get_unverified_header(stolen)["kid"])
        server_refuses = partial(installation.refuses, 0, stolen)
        until_within_polls(server_refuses, partial(installation.polls, 0))
        until_within_polls(partial(is_refused, service, stolen), lambda: transport.polls)
        pair = installation.refresh(pair).json()
        assert service.verify(pair["access_token"])
        assert transport.answers[JWKS] == fetched + 1  # the first one that it asked for had it
