"""Who wins when two requests meet at one row, on both databases; nothing here is left to luck.

The test holds a lock, a thread runs into it, and the test lets go when the thread is known to wait.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from authapi.crypto.ids import new_id
from authapi.db import exchanges, sessions, stops, users
from authapi.db.database import Database
from authapi.db.models import RevokedReason, Transport
from authapi.errors import InvalidCredentials, InvalidGrant
from authapi.services.accounts.administration import change_scopes
from authapi.services.sessions.logout import log_out_everywhere
from authapi.services.sessions.token_issue import TokenPair
from authapi.verifier import Claims, InvalidTokenError
from authapi.web.runtime import Runtime
from tests.support.administration import as_subject
from tests.support.api import Api
from tests.support.clock import TestClock
from tests.support.contender import Contender
from tests.support.refresh_rule import RefreshRule, new_key


@pytest.fixture
def runtime(api: Api) -> Runtime:
    api.expect(200, "GET", "/readyz")
    runtime: Runtime = api.app.state.runtime
    return runtime


@pytest.fixture
def rule(runtime: Runtime) -> RefreshRule:
    rule = RefreshRule(runtime, "bearer")
    rule.register()
    return rule


@pytest.fixture
def pair(rule: RefreshRule) -> TokenPair:
    return rule.log_in()


def exchange_of(rule: RefreshRule, token: str) -> exchanges.Exchange:
    claims = rule.claims(token)
    return exchanges.Exchange(
        sid=claims.sid,
        jti=claims.jti,
        parent=claims.parent,
        token_expires_at=claims.expires_at,
        carrier=rule.carrier,
        settled_after=float("-inf"),
        key_digest="",
        idle_ttl=1000,
    )


def exchange_alone(db: Database, wanted: exchanges.Exchange) -> bool:
    with db.connect(to_write=True) as connection:
        return exchanges.exchange(connection, wanted) is not None


def is_refused(runtime: Runtime, access_token: str) -> bool:
    try:
        return not runtime.verifier.verify(access_token)
    except InvalidTokenError:
        return True


# Two refreshes


def test_of_two_that_have_read_and_then_write_one_exchanges(
    rule: RefreshRule, pair: TokenPair, db: Database
) -> None:
    first, second = (exchange_of(rule, pair.refresh_token) for _ in range(2))
    assert rule.row(pair.session_id).last_exchanged == first.parent == second.parent
    other = Contender(db, partial(exchange_alone, db, second))
    with db.begin() as tx:
        won = exchanges.exchange(tx, first) is not None
        other.run_into_the_lock()
    assert (won, other.result()) == (True, False)


def race(
    rule: RefreshRule, pair: TokenPair, keys: tuple[str | None, str | None]
) -> list[TokenPair | None]:
    """Two refreshes with one token, which both come to the row while it is locked."""
    db = rule.runtime.db

    def present(key: str | None) -> TokenPair | None:
        try:
            return rule.present(pair.refresh_token, key)
        except InvalidGrant:
            return None

    contenders = [Contender(db, partial(present, key)) for key in keys]
    with db.begin() as tx:
        exchanges.lock(tx, pair.session_id)
        for contender in contenders:
            contender.run_into_the_lock()
    return [contender.result() for contender in contenders]


def test_of_two_at_one_moment_without_a_key_one_is_a_replay(
    rule: RefreshRule, pair: TokenPair
) -> None:
    answers = race(rule, pair, (None, None))
    assert answers.count(None) == 1
    assert rule.is_revoked(pair.session_id)


def test_of_two_at_one_moment_with_one_key_both_get_the_same_token(
    rule: RefreshRule, pair: TokenPair
) -> None:
    key = new_key()
    tokens = {answer.refresh_token for answer in race(rule, pair, (key, key)) if answer}
    assert len(tokens) == 1
    assert not rule.is_revoked(pair.session_id)


@pytest.fixture
def until_used(rule: RefreshRule) -> RefreshRule:
    settings = rule.runtime.settings.model_copy(update={"refresh_overlap_bearer": "until_used"})
    return replace(rule, other_settings=settings)


def test_until_used_two_at_one_moment_without_a_key_both_get_a_token(
    until_used: RefreshRule, pair: TokenPair
) -> None:
    first, second = race(until_used, pair, (None, None))
    assert first
    assert second
    assert first.refresh_token != second.refresh_token
    assert not until_used.is_revoked(pair.session_id)


def test_until_used_a_repeat_behind_the_use_of_a_child_is_a_replay(
    until_used: RefreshRule, pair: TokenPair, db: Database
) -> None:
    """Row 5 reads again under the lock: a token that a child has replaced is no longer the last."""
    child = until_used.present(pair.refresh_token)
    repeat = Contender(db, lambda: until_used.present(pair.refresh_token))
    with db.begin() as tx:
        assert exchanges.exchange(tx, exchange_of(until_used, child.refresh_token))
        repeat.run_into_the_lock()
    with pytest.raises(InvalidGrant):
        repeat.result()
    assert until_used.is_revoked(pair.session_id)


# A refresh and a revocation


def test_a_refresh_behind_a_revocation_is_refused(
    rule: RefreshRule, pair: TokenPair, db: Database
) -> None:
    refresh = Contender(db, lambda: rule.present(pair.refresh_token))
    with db.begin() as tx:
        sessions.revoke(tx, pair.session_id, RevokedReason.LOGOUT)
        refresh.run_into_the_lock()
    with pytest.raises(InvalidGrant):
        refresh.result()


def test_a_retry_behind_a_revocation_is_refused(
    rule: RefreshRule, pair: TokenPair, db: Database
) -> None:
    key = new_key()
    rule.present(pair.refresh_token, key)
    retry = Contender(db, lambda: rule.present(pair.refresh_token, key))
    with db.begin() as tx:
        sessions.revoke(tx, pair.session_id, RevokedReason.LOGOUT)
        retry.run_into_the_lock()
    with pytest.raises(InvalidGrant):
        retry.result()


def test_log_out_all_behind_a_refresh_ends_what_it_minted(
    rule: RefreshRule, pair: TokenPair, runtime: Runtime
) -> None:
    """On PostgreSQL it does not even wait for the refresh: a thief could hold it up."""
    db, wanted = runtime.db, exchange_of(rule, pair.refresh_token)
    user_id = rule.row(pair.session_id).user_id or ""
    log_out_all = partial(log_out_everywhere, db, runtime.settings, as_subject(user_id))
    revoker = Contender(db, log_out_all)
    with db.begin() as tx:
        assert exchanges.exchange(tx, wanted)
        if tx.dialect.name == "sqlite":
            revoker.run_into_the_lock()
        else:
            log_out_all()
            assert is_refused(runtime, pair.access_token)
    if db.engine.dialect.name == "sqlite":
        revoker.result()
    assert rule.is_revoked(pair.session_id)
    assert is_refused(runtime, pair.access_token)
    with pytest.raises(InvalidGrant):
        rule.present(pair.refresh_token)


def test_a_refresh_that_began_before_a_stop_and_ends_after_it_gives_nothing_of_use(
    rule: RefreshRule, pair: TokenPair, runtime: Runtime
) -> None:
    """Its statement began when the session was live, and waits for the row."""
    user_id = rule.row(pair.session_id).user_id or ""
    refresh = Contender(runtime.db, lambda: rule.present(pair.refresh_token))
    with runtime.db.begin() as tx:
        exchanges.lock(tx, pair.session_id)
        refresh.run_into_the_lock()
        if tx.dialect.name == "sqlite":
            stops.add(tx, user_id, RevokedReason.LOGOUT_ALL)
        else:
            log_out_everywhere(runtime.db, runtime.settings, as_subject(user_id))
    with suppress(InvalidGrant):
        minted = refresh.result()
        assert is_refused(runtime, minted.access_token)
        with pytest.raises(InvalidGrant):
            rule.present(minted.refresh_token)


def test_a_revocation_that_waited_carries_the_time_after_it(
    rule: RefreshRule, pair: TokenPair, runtime: Runtime, clock: TestClock
) -> None:
    """Whoever held the lock may have minted a token meanwhile, and need not have written."""
    revoker = Contender(runtime.db, lambda: rule.revoke(pair.session_id))
    with runtime.db.begin() as tx:
        exchanges.lock(tx, pair.session_id)
        revoker.run_into_the_lock()
        clock.advance(5)
    revoker.result()
    assert rule.row(pair.session_id).revoked_at == clock()


def test_a_change_of_scopes_that_waited_refuses_what_was_minted_meanwhile(
    rule: RefreshRule, pair: TokenPair, runtime: Runtime, clock: TestClock
) -> None:
    user_id = rule.row(pair.session_id).user_id or ""
    change = Contender(runtime.db, lambda: change_scopes(runtime.db, user_id, "admin"))
    with runtime.db.begin() as tx:
        exchanges.lock(tx, pair.session_id)
        change.run_into_the_lock()
        clock.advance(5)
    change.result()
    assert (rule.row(pair.session_id).tokens_from or 0) > clock()


def test_a_refresh_that_waited_takes_its_time_after_it(
    rule: RefreshRule, pair: TokenPair, runtime: Runtime, clock: TestClock
) -> None:
    refresh = Contender(runtime.db, lambda: rule.present(pair.refresh_token))
    with runtime.db.begin() as tx:
        exchanges.lock(tx, pair.session_id)
        refresh.run_into_the_lock()
        clock.advance(5)
    claims: Claims = runtime.verifier.verify(refresh.result().access_token)
    assert claims.issued_at == int(clock())


# A log-in and whatever ends all sessions


def disable(tx: Any, user_id: str) -> None:
    users.disable(tx, user_id)
    stops.add(tx, user_id, RevokedReason.ACCOUNT_DISABLED)


def change_password(tx: Any, user_id: str) -> None:
    users.set_password(tx, user_id, "another hash")
    stops.add(tx, user_id, RevokedReason.PASSWORD_CHANGED)


def delete(tx: Any, user_id: str) -> None:
    stops.add(tx, user_id, RevokedReason.ACCOUNT_DELETED)
    users.remove(tx, user_id)


@pytest.mark.parametrize("ending", [disable, change_password, delete])
def test_a_log_in_behind_the_end_of_all_sessions_is_refused(
    rule: RefreshRule, pair: TokenPair, db: Database, ending: Callable[[Any, str], None]
) -> None:
    """Its password was right when it was checked, and is checked again under the user's lock."""
    user_id = rule.row(pair.session_id).user_id or ""
    login = Contender(db, rule.log_in)
    with db.begin() as tx:
        users.lock(tx, user_id)
        login.run_into_the_lock()
        ending(tx, user_id)
    with pytest.raises(InvalidCredentials):
        login.result()


def new_session(sid: str, user: users.Account) -> sessions.NewSession:
    return sessions.NewSession(
        sid=sid,
        user_id=user.id,
        account_version=user.version,
        transport=Transport.BEARER,
        idle_ttl=1000,
        session_ttl=1000,
        user_agent=None,
        ip=None,
        secret_digest=None,
        amr="pwd",
        has_second_factor=False,
        client_id="authapi",
        remember=True,
    )


def test_log_out_all_behind_a_log_in_ends_its_session(
    rule: RefreshRule, pair: TokenPair, runtime: Runtime
) -> None:
    user_id, sid = rule.row(pair.session_id).user_id or "", new_id()
    subject = as_subject(user_id)
    log_out_all = partial(log_out_everywhere, runtime.db, runtime.settings, subject)
    revoker = Contender(runtime.db, log_out_all)
    with runtime.db.begin() as tx:
        user = users.lock(tx, user_id)
        assert user
        added = sessions.add(tx, new_session(sid, user))
        assert added
        revoker.run_into_the_lock()
    revoker.result()
    assert rule.is_revoked(sid)
