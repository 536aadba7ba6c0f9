"""The rows of docs/refresh.md that are other for a refresh token in a cookie."""

import pytest

from authapi.db.models import Carrier
from authapi.errors import BadRequest, InvalidGrant
from authapi.services.sessions.token_issue import TokenPair
from tests.support.api import Api
from tests.support.clock import TestClock
from tests.support.refresh_rule import RefreshRule, new_key

OVERLAP = 10
SETTLED = 2 * OVERLAP


@pytest.fixture
def rule(api: Api) -> RefreshRule:
    api.expect(200, "GET", "/readyz")
    rule = RefreshRule(api.app.state.runtime, "cookie")
    rule.register()
    return rule


@pytest.fixture
def first(rule: RefreshRule, clock: TestClock) -> TokenPair:
    """The token of a log-in that has settled."""
    pair = rule.log_in()
    clock.advance(SETTLED)
    return pair


def test_a_new_session_s_token_comes_back_until_it_has_settled(
    rule: RefreshRule, clock: TestClock
) -> None:
    pair = rule.log_in()
    clock.advance(SETTLED - 0.5)
    again = rule.present(pair.refresh_token)
    assert (again.refresh_token, again.rotated) == (pair.refresh_token, False)


def test_a_settled_token_is_exchanged(rule: RefreshRule, first: TokenPair) -> None:
    new = rule.present(first.refresh_token)
    assert new.refresh_token != first.refresh_token
    assert new.rotated


def test_an_exchange_s_token_comes_back_until_it_has_settled(
    rule: RefreshRule, first: TokenPair, clock: TestClock
) -> None:
    new = rule.present(first.refresh_token)
    clock.advance(SETTLED - 0.5)
    assert rule.present(new.refresh_token).refresh_token == new.refresh_token
    clock.advance(0.5)
    assert rule.present(new.refresh_token).refresh_token != new.refresh_token


def test_a_token_that_comes_back_brings_a_fresh_access_token(
    rule: RefreshRule, first: TokenPair, clock: TestClock
) -> None:
    new = rule.present(first.refresh_token)
    clock.advance(5)
    again = rule.runtime.verifier.verify(rule.present(new.refresh_token).access_token)
    assert again.issued_at == int(clock())


def test_a_token_that_comes_back_changes_nothing(rule: RefreshRule, first: TokenPair) -> None:
    new = rule.present(first.refresh_token, new_key())
    before = rule.row(first.session_id)
    rule.present(new.refresh_token, new_key())
    assert rule.row(first.session_id) == before


def test_while_it_settles_a_stale_key_is_no_error(rule: RefreshRule, first: TokenPair) -> None:
    """The script of another tab has not stored the new key yet."""
    key = new_key()
    new = rule.present(first.refresh_token, key)
    assert not rule.present(new.refresh_token, key).rotated


def test_once_it_has_settled_a_stale_key_is_400(
    rule: RefreshRule, first: TokenPair, clock: TestClock
) -> None:
    key = new_key()
    new = rule.present(first.refresh_token, key)
    clock.advance(SETTLED)
    with pytest.raises(BadRequest):
        rule.present(new.refresh_token, key)


def test_a_tab_that_comes_late_within_the_overlap_gets_a_sibling(
    rule: RefreshRule, first: TokenPair, clock: TestClock
) -> None:
    new = rule.present(first.refresh_token)
    clock.advance(OVERLAP)
    sibling = rule.present(first.refresh_token)
    assert sibling.rotated
    assert sibling.refresh_token != new.refresh_token


def test_past_the_overlap_a_second_use_is_a_replay(
    rule: RefreshRule, first: TokenPair, clock: TestClock
) -> None:
    rule.present(first.refresh_token)
    clock.advance(OVERLAP + 0.5)
    with pytest.raises(InvalidGrant):
        rule.present(first.refresh_token)
    assert rule.is_revoked(first.session_id)


def test_past_the_overlap_a_retry_with_its_key_gets_the_same_token(
    rule: RefreshRule, first: TokenPair, clock: TestClock
) -> None:
    key = new_key()
    new = rule.present(first.refresh_token, key)
    clock.advance(86_400)
    assert rule.present(first.refresh_token, key).refresh_token == new.refresh_token


def test_without_an_overlap_a_token_is_exchanged_at_once(rule: RefreshRule) -> None:
    settings = rule.runtime.settings.model_copy(update={"refresh_overlap_cookie": 0})
    strict = RefreshRule(rule.runtime, "cookie", settings)
    assert strict.present(strict.log_in().refresh_token).rotated


def test_without_an_overlap_a_second_use_is_a_replay(rule: RefreshRule) -> None:
    settings = rule.runtime.settings.model_copy(update={"refresh_overlap_cookie": 0})
    strict = RefreshRule(rule.runtime, "cookie", settings)
    first = strict.log_in()
    strict.present(first.refresh_token)
    with pytest.raises(InvalidGrant):
        strict.present(first.refresh_token)


@pytest.mark.parametrize(
    ("transport", "carrier"),
    [("bearer", Carrier.COOKIE), ("cookie", Carrier.BODY), ("hybrid", Carrier.BODY)],
)
def test_a_token_is_refused_by_another_transport_s_carrier_and_nothing_happens(
    rule: RefreshRule, clock: TestClock, transport: str, carrier: Carrier
) -> None:
    other = RefreshRule(rule.runtime, transport)
    pair = other.log_in()
    clock.advance(SETTLED)
    with pytest.raises(InvalidGrant):
        other.present(pair.refresh_token, carrier=carrier)
    assert other.present(pair.refresh_token).rotated


def test_an_exchanged_token_in_the_wrong_place_is_no_replay(
    rule: RefreshRule, first: TokenPair
) -> None:
    rule.present(first.refresh_token)
    with pytest.raises(InvalidGrant):
        rule.present(first.refresh_token, carrier=Carrier.BODY)
    assert not rule.is_revoked(first.session_id)


def test_a_thief_who_comes_late_with_token_and_key_is_refused_and_harms_nobody(
    rule: RefreshRule, first: TokenPair, clock: TestClock
) -> None:
    """It can't be told from a late duplicate, and has nothing that will ever be good again."""
    key = new_key()
    second = rule.present(first.refresh_token, key)
    clock.advance(SETTLED)
    third = rule.present(second.refresh_token, new_key())
    with pytest.raises(InvalidGrant):
        rule.present(first.refresh_token, key)
    clock.advance(SETTLED)
    assert rule.present(third.refresh_token, new_key()).rotated
