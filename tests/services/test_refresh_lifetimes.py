"""How long tokens and sessions live however often they are refreshed, and what is kept of them."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import func, select, text

from authapi.config import Settings
from authapi.db import sessions
from authapi.db.models import Session
from tests.support.api import PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.refresh_rule import new_key
from tests.support.settings import SECRET

TTLS = {"refresh_idle_ttl": 1000, "session_ttl": 2500}


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


@pytest.fixture
def short(make_api: MakeApi) -> Api:
    return make_api(**TTLS)


def test_each_refresh_gives_a_whole_idle_time_anew(short: Api, clock: TestClock) -> None:
    first = short.register_and_login()
    clock.advance(999)
    new = short.refreshed(first.refresh)
    clock.advance(999)
    short.refreshed(new.refresh)


def test_what_is_not_refreshed_in_its_idle_time_has_ended(short: Api, clock: TestClock) -> None:
    first = short.register_and_login()
    clock.advance(999)
    new = short.refreshed(first.refresh)
    clock.advance(1000)
    assert short.refresh(new.refresh).status_code == 401


def refreshed_until(api: Api, clock: TestClock, tokens: Tokens, seconds: int) -> Tokens:
    """Refreshed every 500 seconds."""
    for _ in range(seconds // 500):
        clock.advance(500)
        tokens = api.refreshed(tokens.refresh)
    return tokens


def test_a_session_ends_at_its_absolute_end_however_busy(short: Api, clock: TestClock) -> None:
    last = refreshed_until(short, clock, short.register_and_login(), 2000)
    clock.advance(500)
    assert short.refresh(last.refresh).status_code == 401


def test_no_token_outlives_its_session(short: Api, clock: TestClock) -> None:
    first = short.register_and_login()
    ends_at = int(clock() + TTLS["session_ttl"])
    last = refreshed_until(short, clock, first, 2000)
    assert claims(last.refresh)["exp"] == claims(last.access)["exp"] == ends_at


def test_the_answer_s_lifetimes_are_those_of_its_tokens(short: Api, clock: TestClock) -> None:
    last = refreshed_until(short, clock, short.register_and_login(), 2000)
    body, now = last.body, int(clock())
    assert now + body["expires_in"] == claims(last.access)["exp"]
    assert now + body["refresh_expires_in"] == claims(last.refresh)["exp"]


def test_each_answer_says_when_the_session_ends(short: Api, clock: TestClock) -> None:
    tokens, key = short.register_and_login(), new_key()
    assert tokens.body["authorization_expires_in"] == 2500
    clock.advance(900)
    assert short.refreshed(tokens.refresh, key).body["authorization_expires_in"] == 1600
    clock.advance(50)
    repeated = short.refreshed(tokens.refresh, key).body
    assert repeated["authorization_expires_in"] == 1550
    assert repeated["refresh_expires_in"] == 950


def test_the_time_of_the_log_in_stays(api: Api, clock: TestClock) -> None:
    first = api.register_and_login()
    logged_in_at = int(clock())
    clock.advance(1000)
    new = api.refreshed(api.refreshed(first.refresh).refresh)
    assert claims(new.access)["auth_time"] == logged_in_at


def test_a_repeated_answer_s_token_says_the_same(api: Api, clock: TestClock) -> None:
    first, key = api.register_and_login(), new_key()
    clock.advance(60)
    once = api.refreshed(first.refresh, key)
    clock.advance(1000)
    again = api.refreshed(first.refresh, key)
    assert claims(again.refresh) == claims(once.refresh)
    assert again.refresh == once.refresh


def test_each_new_token_has_a_name_of_its_own(api: Api) -> None:
    tokens, seen = api.register_and_login(), set()
    for _ in range(5):
        tokens = api.refreshed(tokens.refresh, new_key())
        seen.add(claims(tokens.refresh)["jti"])
    assert len(seen) == 5


def test_however_often_it_is_refreshed_no_row_is_added(api: Api) -> None:
    tokens = api.register_and_login()
    for _ in range(20):
        tokens = api.refreshed(tokens.refresh, new_key())
    with api.app.state.runtime.db.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Session)) == 1


def test_the_row_does_not_grow(api: Api) -> None:
    def size() -> int:
        with api.app.state.runtime.db.connect() as connection:
            row = sessions.find(connection, tokens.sid)
            assert row is not None
            return len(row.exchanged_before) + len(row.exchange_keys)

    tokens = api.register_and_login()
    sizes = []
    for _ in range(12):
        tokens = api.refreshed(tokens.refresh, new_key())
        sizes.append(size())
    assert sizes[-1] == sizes[-5] == 7 * 23 + 32


def everything_stored(api: Api) -> bytes:
    """SQLite's files as they are; PostgreSQL's tables as text."""
    settings: Settings = api.app.state.runtime.settings
    if file := settings.database_file:
        return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    with api.app.state.runtime.db.connect() as connection:
        names = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = connection.scalars(names)
        rows = [
            connection.execute(text(f"SELECT t::text FROM {name} t")).all() for name in tables.all()
        ]
    return str(rows).encode()


@pytest.fixture
def secrets_in_use(api: Api) -> dict[str, str]:
    first, keys = api.register_and_login(), [new_key(), new_key()]
    second = api.refreshed(first.refresh, keys[0])
    third = api.refreshed(second.refresh, keys[1])
    pairs = [("first", first), ("second", second), ("third", third)]
    return {
        **{f"{name} access token": tokens.access for name, tokens in pairs},
        **{f"{name} refresh token": tokens.refresh for name, tokens in pairs},
        **{f"{name} signature": tokens.refresh.rpartition(".")[2] for name, tokens in pairs},
        "name of the token in force": claims(third.refresh)["jti"],
        "first key": keys[0],
        "second key": keys[1],
        "password": PASSWORD,
        "SECRET": SECRET,
    }


def test_the_database_holds_no_token_no_key_and_no_secret(
    api: Api, secrets_in_use: dict[str, str]
) -> None:
    stored = everything_stored(api)
    assert [name for name, secret in secrets_in_use.items() if secret.encode() in stored] == []


def test_what_is_stored_was_looked_at(api: Api, secrets_in_use: dict[str, str]) -> None:
    first = claims(secrets_in_use["first refresh token"])
    assert str(first["jti"]).encode() in everything_stored(api)
