"""The kind: a list that grows with what one user did, read whole in one request."""

import re
from collections.abc import Sequence
from time import monotonic
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from sqlalchemy import event, text

from authapi.db.database import Database
from tests.support.api import Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only

MANY, BATCH = 30_000, 3_000
PAGE = 100
DAY = 86400
SOON = 1.0  # seconds; it takes a few milliseconds, and 30,000 at once take a second or more
# Copies of the one session that there is, each used a second before the last one.
COPY = """
INSERT INTO sessions (
  sid, user_id, transport, scopes, created_at, last_used_at, expires_at, ends_at,
  last_exchanged, exchanged_at, exchanged_before, exchange_keys, revoked_at
)
WITH RECURSIVE numbers(n) AS (
  SELECT CAST(:first AS integer) UNION ALL SELECT n + 1 FROM numbers WHERE n < :last
)
SELECT
  'session--------' || (1000000 + n), user_id, transport, scopes, created_at, last_used_at - n,
  expires_at - :earlier, ends_at, last_exchanged, exchanged_at, '', '', revoked_at
FROM sessions, numbers WHERE sid = :sid
"""


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


def add_many(db: Database, tokens: Tokens, earlier: int = 0) -> None:
    """Add copies of the session that expire so many seconds before it."""
    with db.connect(to_write=True) as connection:
        for first in range(1, MANY, BATCH):  # each within the time that a statement has
            numbers = {"first": first, "last": first + BATCH - 1, "earlier": earlier}
            connection.execute(text(COPY), {"sid": tokens.sid, **numbers})
        connection.execute(text("ANALYZE"))


def ask(api: Api, tokens: Tokens, url: str = "/sessions", **query: Any) -> httpx.Response:
    return api.expect(200, "GET", url, headers=tokens.bearer, params=query or None)


def next_of(answer: httpx.Response) -> str | None:
    """Return the URL of the next page, resolved as RFC 8288 says."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    match = re.fullmatch(r'<([^<>]+)>; rel="next"', link)
    assert match, link
    return urljoin("/sessions", str(match[1]))


def ids(answer: httpx.Response) -> list[str]:
    return [session["id"] for session in answer.json()]


def walk(api: Api, tokens: Tokens, **query: Any) -> list[str]:
    """Return the ids of all pages, in order."""
    answer = ask(api, tokens, **query)
    found = ids(answer)
    while url := next_of(answer):
        answer = ask(api, tokens, url)
        found += ids(answer)
    return found


def test_of_thirty_thousand_sessions_one_page_is_told_soon(
    api: Api, tokens: Tokens, db: Database
) -> None:
    add_many(db, tokens)
    began = monotonic()
    first = ask(api, tokens)
    second = ask(api, tokens, next_of(first) or "")
    assert monotonic() - began < SOON
    assert ids(first) == [tokens.sid, *(f"session--------{1_000_000 + n}" for n in range(1, PAGE))]
    assert ids(second) == [f"session--------{1_000_000 + n}" for n in range(PAGE, 2 * PAGE)]


def test_expired_sessions_slow_no_page(api: Api, tokens: Tokens, db: Database) -> None:
    add_many(db, tokens, earlier=8 * DAY)
    began = monotonic()
    answer = ask(api, tokens)
    assert monotonic() - began < SOON
    assert ids(answer) == [tokens.sid]
    assert "Link" not in answer.headers


def test_a_page_is_read_from_the_index_in_its_order(api: Api, tokens: Tokens, db: Database) -> None:
    add_many(db, tokens)
    first, first_plan = planned(api, tokens, db, "/sessions")
    _, next_plan = planned(api, tokens, db, next_of(first) or "")
    for plan in (first_plan, next_plan):
        assert "sessions_in_force_idx" in plan
        assert not re.search("sort|temp b-tree|seq scan on sessions", plan, re.IGNORECASE), plan


def planned(api: Api, tokens: Tokens, db: Database, url: str) -> tuple[httpx.Response, str]:
    """Return the answer, and how the database carried out what read the sessions."""
    sent: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        if "FROM sessions" in statement:
            sent.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    event.listen(db.autocommit_engine, "before_cursor_execute", note)
    answer = ask(api, tokens, url)
    statement, values = sent[0]
    explain = "EXPLAIN" if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with db.connect() as connection:
        rows: Sequence[Any] = connection.exec_driver_sql(f"{explain} {statement}", values).all()
    return answer, "\n".join(str(row) for row in rows)


def test_pages_of_any_size_tell_each_session_once(
    api: Api, tokens: Tokens, clock: TestClock
) -> None:
    opened = [tokens.sid]
    for number in range(6):
        clock.advance(number % 2)  # some were used at the same moment
        opened.append(api.login().sid)
    whole = walk(api, tokens)
    assert sorted(whole) == sorted(opened)
    for limit in (1, 2, 3, 7, 100):
        assert walk(api, tokens, limit=limit) == whole


def test_a_session_that_is_used_meanwhile_is_told_once_at_most(
    api: Api, tokens: Tokens, clock: TestClock
) -> None:
    others = []
    for _ in range(3):
        clock.advance(1)
        others.append(api.login())
    clock.advance(1)
    first = ask(api, tokens, limit=2)
    assert ids(first) == [others[2].sid, others[1].sid]
    api.refreshed(others[1].refresh)  # it moves to the front, and others move behind it
    api.login()
    second = ask(api, tokens, next_of(first) or "")
    assert ids(second) == [others[0].sid, tokens.sid]


def test_a_session_that_ended_meanwhile_shifts_no_page(
    api: Api, tokens: Tokens, clock: TestClock
) -> None:
    others = []
    for _ in range(3):
        clock.advance(1)
        others.append(api.login())
    first = ask(api, tokens, limit=2)
    for other in others[1:]:  # the cursor's own one too
        api.expect(204, "DELETE", f"/sessions/{other.sid}", headers=tokens.bearer)
    assert ids(ask(api, tokens, next_of(first) or "")) == [others[0].sid, tokens.sid]


@sqlite_only
def test_the_last_page_names_no_next_one(api: Api, tokens: Tokens) -> None:
    api.login()
    assert "Link" not in ask(api, tokens, limit=2).headers
    assert "Link" in ask(api, tokens, limit=1).headers


@sqlite_only
def test_the_link_has_the_path_that_clients_see(make_api: MakeApi) -> None:
    api = make_api(public_url="https://auth.example/auth")
    tokens = api.register_and_login()
    api.login()
    link = ask(api, tokens, limit=1).headers["Link"]
    assert link.startswith("</auth/sessions?cursor=")


@sqlite_only
def test_a_cursor_of_one_user_shows_no_session_of_another(api: Api, tokens: Tokens) -> None:
    api.login()
    url = next_of(ask(api, tokens, limit=1)) or ""
    eve = api.register_and_login("eve@example.com")
    assert set(ids(ask(api, eve, url))) <= {eve.sid}


BAD_CURSORS = (
    *("", "x", "A" * 39, "A" * 41, "A" * 40, "=" * 40, "%00" * 40, "A" * 5000, "\u00e9" * 40),
    *("f_gAAAAAAABBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", "f_AAAAAAAABBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"),
)  # the last two: not a number, infinity


@postgresql_only
def test_a_bad_cursor_or_limit_is_422(api: Api, tokens: Tokens) -> None:
    bad = [{"cursor": cursor} for cursor in BAD_CURSORS]
    bad += [{"limit": limit} for limit in ("0", "101", "-1", "x", "", "1e2", "9" * 400)]
    for query in bad:
        answer = api.expect(422, "GET", "/sessions", headers=tokens.bearer, params=query)
        assert answer.json()["error"] == "validation_error"
        assert [error["loc"] for error in answer.json()["errors"]] == [["query", *query]]
