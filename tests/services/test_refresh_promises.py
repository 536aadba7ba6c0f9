"""What docs/refresh.md promises, in every story that hypothesis finds.

A client that keeps its key with its token (one key for all tabs of a browser) is never logged out
by a lost, late or doubled answer. When owner and thief have both presented what they hold, and
what they were given for it, the session is gone. No token is exchanged twice.

With `AUTHAPI_REFRESH_OVERLAP_BEARER=until_used` the same holds for a client without keys, if none
of its requests arrives after its next exchange. (Exhaustively: test_refresh_walk.py.)

What is a client's part of it is written here as code: BearerStory.reads and CookieStory.reads.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from authapi.web.runtime import Runtime
from tests.services.refresh_story import (
    IDLE_TTL,
    OVERLAP,
    SESSION_TTL,
    Answer,
    Held,
    Request,
    Story,
    some,
)
from tests.support.clock import TestClock
from tests.support.refresh_rule import RefreshRule, new_key, quick_runtime


class BearerStory(Story):
    """One store holds token and key, whatever tabs or threads there are."""

    def hold_first(self, token: str) -> None:
        self._held = self.with_its_key(token)

    def with_its_key(self, token: str) -> Held:
        return Held(token, new_key())

    @property
    def held(self) -> Held:
        return self._held

    @precondition(lambda self: not self.is_logged_out)
    @rule()
    def owner_sends(self) -> None:
        self.requests.append(self.sends(self.held))

    @precondition(lambda self: self.answers)
    @rule(which=some, doubled=st.booleans())
    def answer_arrives(self, *, which: int, doubled: bool) -> None:
        answer = self.answers.pop(which % len(self.answers))
        if doubled:
            self.answers.append(answer)
        self.reads(answer)

    @precondition(lambda self: not self.is_logged_out)
    @rule()
    def owner_refreshes(self) -> None:
        self.present_until_answered()

    def reads(self, answer: Answer) -> None:
        # An answer to what is not held any more says nothing about what is.
        if answer.request.held != self.held or self.is_logged_out:
            return
        if answer.status == 200:
            self._held = self.with_its_key(answer.token)
        else:
            self.is_refused(self.held)

    def present_until_answered(self) -> None:
        self.reads(self.answer(self.sends(self.held)))


class CookieStory(Story):
    """A jar that every answer overwrites, and a key that scripts keep beside it.

    A tab is three steps: it sends what jar and key store hold, the answer's headers reach the jar,
    its script reads the answer (or never runs: the tab was closed in between).
    """

    # The first presentation may fall into the time in which a token settles.
    rounds = (3, 4)

    @initialize(locks=st.booleans())
    def choose(self, *, locks: bool) -> None:
        self.locks = locks

    def hold_first(self, token: str) -> None:
        self.jar, self.key = token, new_key()
        self.waiting: set[int] = set()
        self.keys_read: list[str] = []
        self.scripts: list[Answer] = []

    @property
    def held(self) -> Held:
        return Held(self.jar, self.key)

    def is_about_to_send(self) -> bool:
        return bool(self.keys_read)

    def may_send(self) -> bool:
        busy = self.waiting or self.scripts or self.keys_read
        return not self.is_logged_out and not (self.locks and busy)

    @precondition(lambda self: self.may_send())
    @rule()
    def tab_reads_the_key(self) -> None:
        self.keys_read.append(self.key)

    @precondition(lambda self: self.keys_read)
    @rule(which=some)
    def tab_sends(self, *, which: int) -> None:
        key = self.keys_read.pop(which % len(self.keys_read))
        request = self.sends(Held(self.jar, key))
        self.waiting.add(request.number)
        self.requests.append(request)

    @precondition(lambda self: self.waiting)
    @rule()
    def tabs_give_up(self) -> None:
        self.waiting.clear()

    @precondition(lambda self: self.answers)
    @rule(which=some)
    def headers_arrive(self, *, which: int) -> None:
        answer = self.answers.pop(which % len(self.answers))
        if not self.is_awaited(answer):
            return
        self.waiting.discard(answer.request.number)
        if answer.rotated:
            self.jar = answer.token
        self.scripts.append(answer)

    def is_awaited(self, answer: Answer) -> bool:
        """A browser takes one answer a request; a late one only when nobody overtook it."""
        number = answer.request.number
        born_at = self.server.claims(answer.token).issued_at if answer.rotated else self.clock()
        is_late = self.clock() >= born_at + 2 * self.overlap
        return number in self.waiting and (
            not is_late or (self.waiting == {number} and number == self.sent)
        )

    @precondition(lambda self: self.scripts)
    @rule(which=some, closed=st.booleans())
    def script_runs(self, *, which: int, closed: bool) -> None:
        answer = self.scripts.pop(which % len(self.scripts))
        if not closed:
            self.reads(answer)

    @precondition(lambda self: self.may_send())
    @rule()
    def owner_refreshes(self) -> None:
        self.present_until_answered()

    def reads(self, answer: Answer) -> None:
        # Only whoever still finds the key that it sent may replace it: one key for all tabs.
        if answer.request.held.key != self.key or self.is_logged_out:
            return
        if answer.rotated or answer.status == 400:
            self.key = new_key()
        elif answer.status == 401:
            self.is_refused(self.held)

    def present_until_answered(self) -> None:
        for _ in range(2):
            answer = self.answer(self.sends(self.held))
            if answer.rotated:
                self.jar = answer.token
            self.reads(answer)
            if answer.status != 400:
                return
        raise AssertionError("a new key is refused as well")


class OverlappingBearerStory(BearerStory):
    rounds = (2, 3)


class KeylessBearerStory(BearerStory):
    """A client of an OAuth library, which sends no key, where the overlap is `until_used`."""

    rounds = (2, 2)

    def with_its_key(self, token: str) -> Held:
        return Held(token, None)

    def is_too_late(self, request: Request) -> bool:
        """Return whether the owner has exchanged already what it got instead."""
        jti = self.server.claims(request.held.token).jti
        return request.held != self.held and jti in self.exchanged[:-1]


@pytest.fixture(scope="module")
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="module")
def runtime(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, clock: TestClock
) -> Iterator[Runtime]:
    """One quick database for all stories: each is a session of its own."""
    lifetimes = {"refresh_idle_ttl": IDLE_TTL, "session_ttl": SESSION_TTL}
    path = tmp_path_factory.mktemp("stories") / "authapi.db"
    shutil.copy(sqlite_template, path)
    with quick_runtime(path, clock, refresh_overlap_cookie=OVERLAP, **lifetimes) as runtime:
        yield runtime


def tell(story: Callable[[], Story], stories: int) -> None:
    profile = settings(
        max_examples=stories,
        stateful_step_count=25,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    # It calls what it is given, which need not be a class.
    run_state_machine_as_test(story, settings=profile)  # type: ignore[arg-type]


def test_a_bearer_client_is_never_logged_out_and_a_thief_always_is(
    runtime: Runtime, clock: TestClock
) -> None:
    tell(lambda: BearerStory(RefreshRule(runtime, "bearer"), clock, overlap=0), stories=60)


def test_the_promises_hold_with_an_overlap_for_bearer(runtime: Runtime, clock: TestClock) -> None:
    changed = runtime.settings.model_copy(update={"refresh_overlap_bearer": OVERLAP})
    server = RefreshRule(runtime, "bearer", changed)
    tell(lambda: OverlappingBearerStory(server, clock, OVERLAP), stories=40)


def until_used(runtime: Runtime) -> RefreshRule:
    changed = runtime.settings.model_copy(update={"refresh_overlap_bearer": "until_used"})
    return RefreshRule(runtime, "bearer", changed)


def test_until_used_a_client_without_keys_is_never_logged_out_and_a_thief_always_is(
    runtime: Runtime, clock: TestClock
) -> None:
    server = until_used(runtime)
    tell(lambda: KeylessBearerStory(server, clock, OVERLAP), stories=60)


def test_until_used_the_promises_to_a_client_with_keys_hold(
    runtime: Runtime, clock: TestClock
) -> None:
    server = until_used(runtime)
    tell(lambda: OverlappingBearerStory(server, clock, OVERLAP), stories=40)


def test_a_browser_is_never_logged_out_and_a_thief_always_is(
    runtime: Runtime, clock: TestClock
) -> None:
    tell(lambda: CookieStory(RefreshRule(runtime, "cookie"), clock, OVERLAP), stories=100)
