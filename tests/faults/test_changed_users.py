"""What an operator changes about a user reaches everybody who verifies that user's tokens.

Processes as in production: two servers on PostgreSQL, the `authapi` command, and the verifier of
another service, which knows only what the first server tells it over HTTP.
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from authapi.verifier import Claims, InvalidTokenError, Verifier
from tests.support.api import EMAIL
from tests.support.counted_polls import CountingTransport, PlainPolls, until_within_polls
from tests.support.installation import ISSUER, Installation
from tests.support.until import until


@pytest.fixture(params=[CountingTransport, PlainPolls], ids=["wait", "poll"])
def transport(request: pytest.FixtureRequest) -> CountingTransport:
    made: CountingTransport = request.param()
    return made


@pytest.fixture
def service(installation: Installation, transport: CountingTransport) -> Iterator[Verifier]:
    """Another service's verifier, which has heard of what is revoked and waits for more."""
    address = installation.servers[0].base_url
    with Verifier(
        issuer=ISSUER, audience="authapi", fetch_from=address, transport=transport
    ) as verifier:
        until(lambda: verifier.status().is_ready)
        yield verifier


def accepted(verifier: Verifier, token: str) -> Claims | None:
    try:
        return verifier.verify(token)
    except InvalidTokenError:
        return None


Change = Callable[[], None]
RefusedAfter = Callable[[Change, str], None]


@pytest.fixture
def refused_after(
    installation: Installation, service: Verifier, transport: CountingTransport
) -> RefusedAfter:
    """Return `refused_after(change, token)`: each server refuses the token after its next polls.

    And so does the service, after its next polls of the first server, once that one refuses.
    """

    def refused_after(change: Change, token: str) -> None:
        assert service.verify(token)
        assert installation.statuses(token) == [204, 204]
        change()
        for number in range(2):
            refuses = partial(installation.refuses, number, token)
            until_within_polls(refuses, partial(installation.polls, number))
        until_within_polls(lambda: not accepted(service, token), lambda: transport.polls)

    return refused_after


@pytest.mark.parametrize("scopes", [["reports:read"], []], ids=["given", "taken away"])
def test_changed_scopes_are_everywhere_within_two_polls(
    installation: Installation, service: Verifier, refused_after: RefusedAfter, scopes: list[str]
) -> None:
    pair = installation.log_in()
    wanted = [f"--scope={scope}" for scope in scopes]
    change = partial(installation.authapi, "users", "scopes", EMAIL, *wanted)
    refused_after(change, pair["access_token"])
    renewed = installation.refresh(pair)
    assert renewed.status_code == 200, renewed.text
    claims = service.verify(renewed.json()["access_token"])
    assert (claims.sid, claims.scopes) == (pair["session_id"], frozenset(scopes))
    assert installation.statuses(renewed.json()["access_token"]) == [204, 204]
    assert not accepted(service, pair["access_token"])


def test_a_disabled_account_is_refused_everywhere_within_two_polls(
    installation: Installation, service: Verifier, refused_after: RefusedAfter
) -> None:
    pair = installation.log_in()
    change = partial(installation.authapi, "users", "disable", EMAIL)
    refused_after(change, pair["access_token"])
    assert installation.refresh(pair).status_code == 401
    installation.authapi("users", "enable", EMAIL)
    assert not accepted(service, pair["access_token"])
    assert accepted(service, installation.log_in()["access_token"])
