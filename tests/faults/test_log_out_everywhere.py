"""The promise as a whole: two servers, one service that verifies by itself, one log-out.

At one poll a second, on PostgreSQL. Without notifications, and on SQLite: test_two_servers.py.
"""

import statistics
from collections.abc import Iterator
from functools import partial
from time import monotonic

import pytest

from authapi.verifier import Verifier
from tests.faults.test_service_and_issuer import is_refused
from tests.support.counted_polls import LATE, PlainPolls
from tests.support.installation import ISSUER, Installation
from tests.support.until import until

ROUNDS = 20
AT_ONCE = 0.1  # seconds, the median


@pytest.fixture
def service(installation: Installation) -> Iterator[Verifier]:
    """It may wait for news."""
    address = installation.servers[0].base_url
    with Verifier(issuer=ISSUER, audience="authapi", fetch_from=address) as verifier:
        until(lambda: verifier.status().is_ready)
        yield verifier


@pytest.fixture
def polling_service(installation: Installation) -> Iterator[Verifier]:
    """It asks the other server, once a second."""
    address = installation.servers[1].base_url
    with Verifier(
        issuer=ISSUER, audience="authapi", fetch_from=address, transport=PlainPolls()
    ) as verifier:
        until(lambda: verifier.status().is_ready)
        yield verifier


def known_after(installation: Installation, verifiers: list[Verifier]) -> list[float]:
    """Log out at the first server; seconds until the other one refuses, then each service."""
    token = installation.log_in()["access_token"]
    for verifier in verifiers:
        verifier.verify(token)
    assert installation.statuses(token) == [204, 204]
    installation.log_out(token)
    began = monotonic()
    assert installation.statuses(token)[0] == 401
    until(lambda: installation.statuses(token)[1] == 401)
    known = [monotonic() - began]
    for verifier in verifiers:
        until(partial(is_refused, verifier, token))
        known.append(monotonic() - began)
    return known


def test_a_log_out_is_known_everywhere(
    installation: Installation, service: Verifier, polling_service: Verifier
) -> None:
    rounds = [known_after(installation, [service, polling_service]) for _ in range(ROUNDS)]
    at_the_server, at_the_service, where_it_polls = zip(*rounds, strict=True)
    assert statistics.median(at_the_server) < AT_ONCE
    assert statistics.median(at_the_service) < AT_ONCE
    # In polls: test_changed_users and test_two_servers.
    assert max(at_the_server + at_the_service + where_it_polls) < LATE


def test_no_verified_request_makes_a_statement(
    installation: Installation, service: Verifier
) -> None:
    token = installation.log_in()["access_token"]
    before = installation.statements()
    for _ in range(100):
        assert service.verify(token)
        assert installation.statuses(token) == [204, 204]
    assert installation.statements() == before
