"""The rows of docs/refresh.md that are other where the overlap for bearer is `until_used`."""

import pytest

from authapi.db import sessions
from tests.support.api import Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.refresh_rule import new_key
from tests.support.transports import Holder

IDLE_TTL = 604_800


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api(refresh_overlap_bearer="until_used")


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


def is_revoked(api: Api, tokens: Tokens) -> bool:
    with api.app.state.runtime.db.connect() as connection:
        row = sessions.find(connection, tokens.sid)
    assert row is not None
    return row.revoked_at is not None


def refused(api: Api, token: str, key: str | None = None) -> None:
    response = api.refresh(token, key)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_grant")


def test_a_client_without_keys_gets_a_lost_answer_again_days_later(
    api: Api, tokens: Tokens, clock: TestClock
) -> None:
    lost = api.refreshed(tokens.refresh)
    clock.advance(IDLE_TTL - 1)
    sibling = api.refreshed(tokens.refresh)
    assert sibling.refresh != lost.refresh
    assert api.verify(sibling) == 204
    api.refreshed(sibling.refresh)


def test_answers_may_be_lost_as_often_as_they_like(api: Api, tokens: Tokens) -> None:
    for _ in range(3):
        siblings = [api.refreshed(tokens.refresh) for _ in range(12)]
        tokens = siblings[5]
        assert len({sibling.refresh for sibling in siblings}) == 12
        api.refreshed(tokens.refresh)
    assert not is_revoked(api, tokens)


def test_a_sibling_lives_no_longer_than_the_first_answer(
    api: Api, tokens: Tokens, clock: TestClock
) -> None:
    """However often a token is answered, its session's idle time does not begin anew."""
    api.refreshed(tokens.refresh)
    clock.advance(IDLE_TTL - 60)
    sibling = api.refreshed(tokens.refresh)
    assert sibling.body["refresh_expires_in"] == 60
    clock.advance(60)
    refused(api, tokens.refresh)
    refused(api, sibling.refresh)


def test_once_a_child_is_used_its_parent_is_a_replay(api: Api, tokens: Tokens) -> None:
    child = api.refreshed(tokens.refresh)
    latest = api.refreshed(child.refresh)
    refused(api, tokens.refresh)
    refused(api, latest.refresh)


def test_once_a_child_is_used_its_siblings_are_replays(api: Api, tokens: Tokens) -> None:
    used, other = api.refreshed(tokens.refresh), api.refreshed(tokens.refresh)
    api.refreshed(used.refresh)
    refused(api, other.refresh)
    assert is_revoked(api, tokens)


@pytest.mark.parametrize("thief_is_first", [True, False])
def test_a_theft_is_noticed_one_exchange_later(
    api: Api, tokens: Tokens, thief_is_first: bool
) -> None:
    first, second = api.refreshed(tokens.refresh), api.refreshed(tokens.refresh)
    owner, thief = (second, first) if thief_is_first else (first, second)
    api.refreshed(thief.refresh)
    refused(api, owner.refresh)
    assert api.verify(owner) == api.verify(thief) == 401


def test_a_client_with_keys_gets_the_same_token_again(
    api: Api, tokens: Tokens, clock: TestClock
) -> None:
    key = new_key()
    new = api.refreshed(tokens.refresh, key)
    clock.advance(3600)
    assert api.refreshed(tokens.refresh, key).refresh == new.refresh


def test_a_late_duplicate_with_its_key_still_harms_nobody(api: Api, tokens: Tokens) -> None:
    key = new_key()
    last = api.refreshed(api.refreshed(tokens.refresh, key).refresh, new_key())
    refused(api, tokens.refresh, key)
    api.refreshed(last.refresh)


def test_nothing_is_answered_once_the_session_is_revoked(api: Api, tokens: Tokens) -> None:
    api.refreshed(tokens.refresh)
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    refused(api, tokens.refresh)


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_cookies_keep_their_overlap(make_api: MakeApi, clock: TestClock, transport: str) -> None:
    api = make_api(refresh_overlap_bearer="until_used", refresh_overlap_cookie=10)
    api.register()
    holder = Holder(api, transport).log_in()
    clock.advance(20)
    assert holder.refresh().status_code == 200
    clock.advance(10.5)
    assert holder.refresh().status_code == 401
    assert holder.is_revoked()
