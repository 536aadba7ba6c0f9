"""`GET /revocations`: the whole window, what is new since a cursor, and waiting for it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic, sleep

import httpx
import pytest

from authapi.db.revocations import Changes
from authapi.services.accounts.administration import change_scopes
from authapi.services.keys.rotation import mark_compromised
from authapi.services.revocation.feed import RevocationFeed
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS, WINDOW_SECONDS
from authapi.web.runtime import Runtime
from tests.support.api import Api
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.operator import operate
from tests.support.rows import every_row

pytestmark = sqlite_only

TIMEOUT = 60  # seconds of real time that a thread is given
LONG = "30"  # seconds that no test lasts


def runtime_of(api: Api) -> Runtime:
    runtime: Runtime = api.app.state.runtime
    return runtime


def ask(api: Api, **query: str) -> dict[str, object]:
    return dict(api.expect(200, "GET", "/revocations", params=query).json())


def cursor_of(api: Api) -> str:
    return str(ask(api)["cursor"])


def log_out(api: Api) -> str:
    """A session that was revoked a moment ago, and that a poll has read; its sid."""
    tokens = api.login()
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    runtime_of(api).poll.poll()
    return tokens.sid


@pytest.fixture(autouse=True)
def _user(api: Api) -> None:
    api.register()


def test_the_feed_is_public_and_starts_empty(api: Api, clock: TestClock) -> None:
    body = ask(api)
    assert body == {
        "as_of": clock(),
        "cursor": body["cursor"],
        "sessions": {},
        "reissued": {},
        "keys": [],
    }


def test_a_revoked_session_is_named_with_when_it_may_be_forgotten(
    api: Api, clock: TestClock
) -> None:
    sid = log_out(api)
    assert ask(api)["sessions"] == {sid: int(clock() + WINDOW_SECONDS + 0.5)}


def test_a_session_with_new_scopes_is_named_with_its_first_good_second(
    api: Api, clock: TestClock
) -> None:
    tokens = api.login()
    operate(api, change_scopes, "read")
    runtime_of(api).poll.poll()
    assert ask(api)["reissued"] == {tokens.sid: int(clock() + 0.5)}


def test_a_compromised_key_is_named(api: Api) -> None:
    runtime = runtime_of(api)
    api.client.get("/healthz")
    stolen = runtime.tokens.keys.ring.published()[0].kid
    mark_compromised(runtime.db, runtime.settings, stolen)
    runtime.poll.poll()
    assert ask(api)["keys"] == [stolen]


def test_an_entry_leaves_the_window(api: Api, clock: TestClock) -> None:
    sid = log_out(api)
    clock.advance(WINDOW_SECONDS - 1)
    runtime_of(api).poll.poll()
    assert sid in str(ask(api)["sessions"])
    clock.advance(60)
    runtime_of(api).poll.poll()
    assert ask(api)["sessions"] == {}


def test_since_a_cursor_only_what_may_be_new_is_sent(api: Api, clock: TestClock) -> None:
    old = log_out(api)
    clock.advance(LOOK_BACK_SECONDS + 1)
    runtime_of(api).poll.poll()
    cursor = cursor_of(api)
    new = log_out(api)
    assert set(map(str, ask(api, since=cursor)["sessions"])) == {new}  # type: ignore[call-overload]
    assert set(map(str, ask(api)["sessions"])) == {old, new}  # type: ignore[call-overload]


def test_any_process_answers_any_cursor(
    api: Api, make_api: Callable[..., Api], clock: TestClock
) -> None:
    other = make_api()
    cursor = cursor_of(other)
    clock.advance(1)
    sid = log_out(api)
    assert sid in str(ask(api, since=cursor)["sessions"])
    runtime_of(other).poll.poll()
    assert sid in str(ask(other, since=cursor_of(api))["sessions"])


def test_what_is_no_cursor_is_a_bad_request(api: Api) -> None:
    with every_row() as row:
        for since in ("", "x", "nan", "inf", "-inf", "9" * 400, "1e400", "\x00", "1,5"):
            with row(since):
                answer = api.expect(400, "GET", "/revocations", params={"since": since})
                assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("since", ["0", "-1e300", "1e300"])
def test_a_cursor_of_another_time_loses_nothing(api: Api, since: str) -> None:
    sid = log_out(api)
    assert sid in str(ask(api, since=since)["sessions"])


def test_a_wait_out_of_bounds_is_refused(api: Api) -> None:
    with every_row() as row:
        for wait in ("-1", "31", "nan", "inf", "x", ""):
            with row(wait):
                api.expect(422, "GET", "/revocations", params={"wait": wait})


# If-None-Match


def test_whoever_has_the_window_is_not_sent_it_again(api: Api, clock: TestClock) -> None:
    log_out(api)
    first = api.expect(200, "GET", "/revocations")
    clock.advance(5)
    runtime_of(api).poll.poll()
    headers = {"If-None-Match": first.headers["etag"]}
    again = api.expect(304, "GET", "/revocations", headers=headers)
    assert (again.content, again.headers["etag"]) == (b"", first.headers["etag"])
    log_out(api)
    api.expect(200, "GET", "/revocations", headers=headers)


def test_two_processes_agree_on_the_etag(api: Api, make_api: Callable[..., Api]) -> None:
    log_out(api)
    log_out(api)
    etags = {each.expect(200, "GET", "/revocations").headers["etag"] for each in (api, make_api())}
    assert len(etags) == 1


def test_the_feed_is_kept_by_no_cache_without_asking(api: Api) -> None:
    assert api.expect(200, "GET", "/revocations").headers["cache-control"] == "no-cache"


# wait


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def waiting(pool: ThreadPoolExecutor, api: Api, since: str) -> Future[httpx.Response]:
    """A request that has come and is not answered."""
    feed = runtime_of(api).revocations
    query = {"since": since, "wait": LONG}
    answer = pool.submit(api.client.get, "/revocations", params=query, timeout=TIMEOUT)
    ends_at = monotonic() + TIMEOUT
    while not feed.pages.changed.readers and monotonic() < ends_at:
        sleep(0.001)
    assert not answer.done()
    return answer


def test_a_waiting_reader_hears_as_soon_as_something_changes(
    api: Api, pool: ThreadPoolExecutor, clock: TestClock
) -> None:
    answer = waiting(pool, api, cursor_of(api))
    clock.advance(1)
    sid = log_out(api)
    assert sid in answer.result(TIMEOUT).json()["sessions"]


@pytest.mark.parametrize("kind", ["revoked", "reissued", "compromised"])
def test_a_waiting_reader_hears_of_what_others_changed(
    api: Api, pool: ThreadPoolExecutor, clock: TestClock, kind: str
) -> None:
    answer = waiting(pool, api, cursor_of(api))
    clock.advance(1)
    changes = Changes(as_of=clock(), **{kind: {"name": clock()}})
    runtime_of(api).revocations.learn(changes, asked_at=clock())
    assert "name" in answer.result(TIMEOUT).text


def test_a_poll_without_news_answers_nobody(
    api: Api, pool: ThreadPoolExecutor, clock: TestClock
) -> None:
    feed = runtime_of(api).revocations
    answer = waiting(pool, api, cursor_of(api))
    clock.advance(1)
    runtime_of(api).poll.poll()
    assert feed.pages.changed.readers
    assert not answer.done()
    feed.pages.changed.close()
    answer.result(TIMEOUT)


def test_without_news_the_wait_ends_with_a_later_cursor(api: Api, clock: TestClock) -> None:
    cursor = cursor_of(api)
    clock.advance(1)
    runtime_of(api).poll.poll()
    body = ask(api, since=cursor, wait="0.05")
    assert (body["sessions"], body["as_of"]) == ({}, clock())


def test_what_is_news_already_is_not_waited_for(api: Api, clock: TestClock) -> None:
    cursor = cursor_of(api)
    clock.advance(1)
    sid = log_out(api)
    assert sid in str(ask(api, since=cursor, wait=LONG)["sessions"])


def test_without_a_cursor_nobody_waits(api: Api) -> None:
    assert ask(api, wait=LONG)["sessions"] == {}


def test_a_server_that_stops_lets_nobody_wait(api: Api, pool: ThreadPoolExecutor) -> None:
    answer = waiting(pool, api, cursor_of(api))
    feed: RevocationFeed = runtime_of(api).revocations
    feed.pages.changed.close()
    assert answer.result(TIMEOUT).status_code == 200
