"""What an operator changes about a user reaches everybody who verifies that user's tokens.

Processes as in production: two servers on PostgreSQL, the `authapi` command, and the verifier of
another service, which knows only what the first server tells it over HTTP.
"""

from collections.abc import Callable, Iterator

import httpx
import pytest

from authapi.verifier import Claims, InvalidTokenError, Verifier
from tests.faults.test_service_and_issuer import PlainPolls
from tests.support.api import EMAIL
from tests.support.installation import ISSUER, Installation
from tests.support.until import until

WITHIN_TWO_POLLS = 2.5  # seconds, from the command's end, at the default poll of 1


@pytest.fixture(params=[httpx.AsyncHTTPTransport, PlainPolls], ids=["wait", "poll"])
def service(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Verifier]:
    """Another service's verifier, which has heard of what is revoked and waits for more."""
    address = installation.servers[0].base_url
    transport: httpx.AsyncBaseTransport = request.param()
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


def refused_everywhere_after(
    change: Change, installation: Installation, service: Verifier, token: str
) -> float:
    """Seconds until the service and both servers refuse a token that all of them accepted."""
    assert service.verify(token)
    assert installation.statuses(token) == [204, 204]
    change()
    return until(
        lambda: not accepted(service, token) and installation.statuses(token) == [401, 401]
    )


@pytest.mark.parametrize("scopes", [["reports:read"], []], ids=["given", "taken away"])
def test_changed_scopes_are_everywhere_within_two_polls(
    installation: Installation, service: Verifier, scopes: list[str]
) -> None:
    pair = installation.log_in()
    wanted = [f"--scope={scope}" for scope in scopes]
    taken = refused_everywhere_after(
        lambda: installation.authapi("users", "scopes", EMAIL, *wanted),
        installation,
        service,
        pair["access_token"],
    )
    assert taken < WITHIN_TWO_POLLS
    renewed = installation.refresh(pair)
    assert renewed.status_code == 200, renewed.text
    claims = service.verify(renewed.json()["access_token"])
    assert (claims.sid, claims.scopes) == (pair["session_id"], frozenset(scopes))
    assert installation.statuses(renewed.json()["access_token"]) == [204, 204]
    assert not accepted(service, pair["access_token"])


def test_a_disabled_account_is_refused_everywhere_within_two_polls(
    installation: Installation, service: Verifier
) -> None:
    pair = installation.log_in()
    taken = refused_everywhere_after(
        lambda: installation.authapi("users", "disable", EMAIL),
        installation,
        service,
        pair["access_token"],
    )
    assert taken < WITHIN_TWO_POLLS
    assert installation.refresh(pair).status_code == 401
    installation.authapi("users", "enable", EMAIL)
    assert not accepted(service, pair["access_token"])
    assert accepted(service, installation.log_in()["access_token"])
