"""A process whose clock is off, or that has not heard of the database for long."""

from collections.abc import Callable

import pytest

from authapi.web.runtime import Runtime
from tests.faults.conftest import recovered
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.breakable_postgresql import BreakablePostgreSQL
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.until import until


def runtime_of(api: Api) -> Runtime:
    runtime: Runtime = api.app.state.runtime
    return runtime


@postgresql_only
@pytest.mark.parametrize(("ahead", "status"), [(29, 200), (-29, 200), (31, 503), (-31, 503)])
def test_a_clock_off_the_databases_is_named(
    make_api: MakeApi, clock: TestClock, ahead: float, status: int
) -> None:
    api = make_api(clock=lambda: clock() + ahead)
    api.client.get("/healthz")
    answer = api.expect(status, "GET", "/readyz").json()
    assert answer.get("not_ready", []) == (["clock"] if status == 503 else [])
    metrics = api.expect(200, "GET", "/metrics").text
    assert f"authapi_clock_skew_seconds {float(ahead)}" in metrics


@sqlite_only
def test_staleness_is_a_warning_and_a_metric(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    clock.advance(121)
    assert api.verify(tokens) == 204
    [warning] = api.expect(200, "GET", "/readyz").json()["warnings"]
    assert "121 seconds" in warning
    metrics = api.expect(200, "GET", "/metrics").text
    assert "authapi_revocation_staleness_seconds 121.0" in metrics
    runtime_of(api).poll.poll()
    assert api.expect(200, "GET", "/readyz").json()["warnings"] == []


@sqlite_only
def test_failing_closed_is_unavailable_until_it_is_back(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(revocation_fail_closed=True)
    tokens = api.register_and_login()
    clock.advance(121)
    assert api.verify(tokens) == 503
    assert api.expect(503, "GET", "/readyz").json()["not_ready"] == ["revocations"]
    runtime_of(api).poll.poll()
    assert api.verify(tokens) == 204


@pytest.fixture
def on_a_breakable_server(breakable_url: str) -> dict[str, object]:
    return {"database_url": breakable_url, "revocation_poll": 0.05}


@sqlite_only  # `make_api`'s own, which is not used
@pytest.mark.parametrize("cut", [BreakablePostgreSQL.stopped, BreakablePostgreSQL.frozen])
def test_a_server_that_is_cut_off_verifies_on_and_catches_up(
    make_api: MakeApi,
    on_a_breakable_server: dict[str, object],
    server: BreakablePostgreSQL,
    cut: Callable[[BreakablePostgreSQL], object],
    clock: TestClock,
) -> None:
    api, other = make_api(**on_a_breakable_server), make_api(**on_a_breakable_server)
    tokens, revoked = api.register_and_login(), api.login()
    assert other.verify(revoked) == 204
    with cut(server):  # type: ignore[attr-defined]
        clock_alone(clock, 121)
        assert api.verify(tokens) == 204
        assert "authapi_revocation_staleness_seconds" in api.client.get("/metrics").text
    recovered(lambda: api.client.post("/logout", headers=revoked.bearer), 204)
    until(lambda: other.verify(revoked) == 401)
    assert other.verify(tokens) == 204


def clock_alone(clock: TestClock, seconds: float) -> None:
    """Move it where the database can't follow."""
    clock._now += seconds
