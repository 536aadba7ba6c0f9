"""The table of docs/refresh.md, a row after the other, for refresh tokens in a body."""

import pytest
from structlog.testing import capture_logs

from authapi.db import sessions
from authapi.db.database import Database
from tests.support.api import Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.refresh_rule import new_key

IDLE_TTL = 604_800


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


def is_revoked(db: Database, tokens: Tokens) -> bool:
    with db.connect() as connection:
        row = sessions.find(connection, tokens.sid)
    assert row is not None
    return row.revoked_at is not None


def refused(api: Api, token: str, key: str | None = None) -> None:
    response = api.refresh(token, key)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_grant")


# Row 1: nothing in force


def test_a_token_of_a_revoked_session_is_refused(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    refused(api, tokens.refresh)


def test_a_retry_with_its_key_is_refused_once_the_session_is_revoked(
    api: Api, tokens: Tokens
) -> None:
    key = new_key()
    api.refreshed(tokens.refresh, key)
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    refused(api, tokens.refresh, key)


def test_a_token_expires_at_its_exp(api: Api, tokens: Tokens, clock: TestClock) -> None:
    clock.advance(IDLE_TTL - 0.5)  # time stands at a half, exp is a whole second
    refused(api, tokens.refresh)


def test_a_token_is_good_until_its_exp(api: Api, tokens: Tokens, clock: TestClock) -> None:
    clock.advance(IDLE_TTL - 1)
    api.refreshed(tokens.refresh)


def test_an_expired_token_does_not_end_its_session(
    api: Api, tokens: Tokens, clock: TestClock, db: Database
) -> None:
    clock.advance(IDLE_TTL / 2)
    api.refreshed(tokens.refresh)
    clock.advance(IDLE_TTL / 2)
    refused(api, tokens.refresh)
    assert not is_revoked(db, tokens)


# Row 3: a first use


def test_the_first_use_gives_a_new_pair(api: Api, tokens: Tokens) -> None:
    new = api.refreshed(tokens.refresh)
    assert new.sid == tokens.sid
    assert {new.refresh, new.access}.isdisjoint({tokens.refresh, tokens.access})
    assert api.verify(new) == 204


def test_the_new_token_can_be_used_at_once(api: Api, tokens: Tokens) -> None:
    api.refreshed(api.refreshed(tokens.refresh).refresh)


def test_the_key_of_the_exchange_that_a_token_came_from_is_400(api: Api, tokens: Tokens) -> None:
    key = new_key()
    new = api.refreshed(tokens.refresh, key)
    response = api.refresh(new.refresh, key)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_a_key_that_was_used_before_costs_nothing(api: Api, tokens: Tokens) -> None:
    key = new_key()
    new = api.refreshed(tokens.refresh, key)
    api.refresh(new.refresh, key)
    api.refreshed(new.refresh, new_key())


def test_a_sibling_s_key_is_400_as_well(make_api: MakeApi) -> None:
    api = make_api(refresh_overlap_bearer=10)
    first, keys = api.register_and_login(), [new_key(), new_key()]
    new = [api.refreshed(first.refresh, key) for key in keys]
    assert api.refresh(new[0].refresh, keys[1]).status_code == 400


def test_a_token_used_late_under_its_own_key_is_400_and_no_replay(
    api: Api, tokens: Tokens, db: Database
) -> None:
    """A tab that had the new cookie and the old key yet, and whose request took its time."""
    key = new_key()
    new = api.refreshed(tokens.refresh, key)
    api.refreshed(new.refresh, new_key())
    assert api.refresh(new.refresh, key).status_code == 400
    assert not is_revoked(db, tokens)


def test_a_key_is_good_again_two_exchanges_later(api: Api, tokens: Tokens) -> None:
    key = new_key()
    second = api.refreshed(tokens.refresh, key)
    third = api.refreshed(second.refresh, new_key())
    api.refreshed(third.refresh, key)


# Row 4: the answer was lost


def test_a_retry_with_its_key_gets_the_same_refresh_token(api: Api, tokens: Tokens) -> None:
    key = new_key()
    assert api.refreshed(tokens.refresh, key).refresh == api.refreshed(tokens.refresh, key).refresh


def test_a_retry_gets_a_fresh_access_token(api: Api, tokens: Tokens, clock: TestClock) -> None:
    key = new_key()
    api.refreshed(tokens.refresh, key)
    clock.advance(3600)
    assert api.verify(api.refreshed(tokens.refresh, key)) == 204


def test_a_retry_may_come_as_late_as_the_token_is_good(
    api: Api, tokens: Tokens, clock: TestClock
) -> None:
    key = new_key()
    new = api.refreshed(tokens.refresh, key)
    clock.advance(IDLE_TTL - 1)
    assert api.refreshed(tokens.refresh, key).refresh == new.refresh


def test_a_retry_with_another_key_is_a_replay(api: Api, tokens: Tokens, db: Database) -> None:
    api.refreshed(tokens.refresh, new_key())
    refused(api, tokens.refresh, new_key())
    assert is_revoked(db, tokens)


# Row 5: the overlap, which is off for bearer unless it is set


def test_two_uses_without_a_key_are_a_replay_however_close(
    api: Api, tokens: Tokens, db: Database
) -> None:
    api.refreshed(tokens.refresh)
    refused(api, tokens.refresh)
    assert is_revoked(db, tokens)


@pytest.fixture
def overlapping(make_api: MakeApi) -> Api:
    return make_api(refresh_overlap_bearer=10)


def test_within_the_overlap_a_second_use_gets_a_sibling(overlapping: Api, clock: TestClock) -> None:
    first = overlapping.register_and_login()
    new = overlapping.refreshed(first.refresh)
    clock.advance(10)
    assert overlapping.refreshed(first.refresh).refresh != new.refresh


def test_past_the_overlap_a_second_use_is_a_replay(overlapping: Api, clock: TestClock) -> None:
    first = overlapping.register_and_login()
    new = overlapping.refreshed(first.refresh)
    clock.advance(10.5)
    refused(overlapping, first.refresh)
    refused(overlapping, new.refresh)


def test_the_overlap_counts_from_the_first_exchange(overlapping: Api, clock: TestClock) -> None:
    first = overlapping.register_and_login()
    overlapping.refreshed(first.refresh)
    clock.advance(9)
    overlapping.refreshed(first.refresh)
    clock.advance(9)
    refused(overlapping, first.refresh)


def test_of_two_siblings_the_one_used_second_is_a_replay(overlapping: Api) -> None:
    first = overlapping.register_and_login()
    loser, winner = (overlapping.refreshed(first.refresh).refresh for _ in range(2))
    new = overlapping.refreshed(winner)
    refused(overlapping, loser)
    refused(overlapping, new.refresh)


def test_a_sibling_is_given_again_under_its_key(overlapping: Api, clock: TestClock) -> None:
    first, key = overlapping.register_and_login(), new_key()
    overlapping.refreshed(first.refresh)
    sibling = overlapping.refreshed(first.refresh, key)
    clock.advance(3600)
    assert overlapping.refreshed(first.refresh, key).refresh == sibling.refresh


@pytest.mark.parametrize(("forgotten", "status"), [(0, 401), (1, 200)])
def test_the_newest_eight_keys_of_an_exchange_are_remembered(
    overlapping: Api, clock: TestClock, forgotten: int, status: int
) -> None:
    first, keys = overlapping.register_and_login(), [new_key() for _ in range(9)]
    for key in keys:
        overlapping.refreshed(first.refresh, key)
    clock.advance(60)
    assert overlapping.refresh(first.refresh, keys[forgotten]).status_code == status


# Row 6: a late duplicate


def refreshed_often(api: Api, tokens: Tokens, times: int) -> Tokens:
    for _ in range(times):
        tokens = api.refreshed(tokens.refresh, new_key())
    return tokens


@pytest.mark.parametrize("later", [1, 8])
def test_a_late_duplicate_is_refused_and_harms_nobody(api: Api, tokens: Tokens, later: int) -> None:
    key = new_key()
    last = refreshed_often(api, api.refreshed(tokens.refresh, key), later)
    refused(api, tokens.refresh, key)
    api.refreshed(last.refresh)


def test_a_duplicate_nine_exchanges_late_is_a_replay(
    api: Api, tokens: Tokens, db: Database
) -> None:
    key = new_key()
    refreshed_often(api, api.refreshed(tokens.refresh, key), 9)
    refused(api, tokens.refresh, key)
    assert is_revoked(db, tokens)


# Row 7: a replay


def test_a_replay_revokes_the_session(api: Api, tokens: Tokens) -> None:
    second = api.refreshed(tokens.refresh)
    third = api.refreshed(second.refresh)
    refused(api, tokens.refresh)
    refused(api, third.refresh)


def test_a_replay_ends_the_access_tokens_at_once(api: Api, tokens: Tokens) -> None:
    new = api.refreshed(tokens.refresh)
    refused(api, tokens.refresh)
    assert api.verify(new) == api.verify(tokens) == 401


def test_a_replay_ends_no_other_session(api: Api, tokens: Tokens) -> None:
    other = api.login()
    api.refreshed(tokens.refresh)
    refused(api, tokens.refresh)
    api.refreshed(other.refresh)


def test_a_replay_is_recorded(api: Api, tokens: Tokens) -> None:
    api.refreshed(tokens.refresh)
    with capture_logs() as logs:
        refused(api, tokens.refresh)
    events = [entry for entry in logs if entry["event"] == "refresh_token_replayed"]
    assert [event["sid"] for event in events] == [tokens.sid]
