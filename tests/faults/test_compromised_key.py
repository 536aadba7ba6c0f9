"""A key leaks while another service verifies: its successor counts as soon as it does not."""

from collections.abc import Iterator

import httpx
import jwt
import pytest

from authapi.verifier import Verifier
from tests.faults.test_service_and_issuer import is_refused
from tests.support.installation import ISSUER, Installation
from tests.support.until import until

WITHIN_TWO_POLLS = 2.5  # seconds
JWKS = "/.well-known/jwks.json"


class Counting(httpx.AsyncHTTPTransport):
    """Notes how often the service asks for the key set."""

    def __init__(self) -> None:
        super().__init__()
        self.key_sets = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.key_sets += request.url.path == JWKS
        return await super().handle_async_request(request)


@pytest.fixture
def transport() -> Counting:
    return Counting()


@pytest.fixture
def service(installation: Installation, transport: Counting) -> Iterator[Verifier]:
    address = installation.servers[0].base_url
    with Verifier(
        issuer=ISSUER, audience="authapi", fetch_from=address, transport=transport
    ) as verifier:
        until(lambda: verifier.status().is_ready)
        yield verifier


def seconds_to_refuse(verifier: Verifier, token: str) -> float:
    return until(lambda: is_refused(verifier, token))


def test_a_token_of_the_successor_is_good_as_soon_as_the_old_key_is_refused(
    installation: Installation, service: Verifier, transport: Counting
) -> None:
    pair = installation.log_in()
    for _ in range(3):
        stolen = pair["access_token"]
        assert service.verify(stolen)
        fetched = transport.key_sets
        installation.authapi("keys", "compromised", jwt.get_unverified_header(stolen)["kid"])
        assert seconds_to_refuse(service, stolen) < WITHIN_TWO_POLLS
        pair = installation.refresh(pair).json()
        assert service.verify(pair["access_token"])
        assert transport.key_sets == fetched + 1  # the first one that it asked for had it
