"""A reader of the feed who goes from process to process never loses an entry.

Two processes poll one database; commits become visible late, also between a poll's reading of the
clock and of the table. A reader asks now one and now the other, with the last cursor it was given.
"""

from dataclasses import dataclass, field

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from authapi.db.revocations import Changes
from authapi.services.revocation.feed import RevocationFeed
from authapi.services.revocation.poll import FULL_POLL_INTERVAL_SECONDS
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS, WINDOW_SECONDS
from tests.support.clock import START
from tests.support.settings import NEVER_OPENED, settings_for

SETTINGS = settings_for(NEVER_OPENED)
LATEST = 5  # seconds from a revocation's moment to its commit
TICK = 1e-5

which = st.integers(0, 1)
spans = st.sampled_from(
    [0.001, 0.5, 1, LATEST, LOOK_BACK_SECONDS - 1, LOOK_BACK_SECONDS + 1, 130, WINDOW_SECONDS]
)


@dataclass
class Database:
    now: float = START
    committed: dict[str, float] = field(default_factory=dict)
    pending: dict[str, float] = field(default_factory=dict)

    def clock(self) -> float:
        self.now += TICK
        return self.now

    def commit(self, sid: str) -> None:
        self.committed[sid] = self.pending.pop(sid)

    def read(self, since: float) -> dict[str, float]:
        return {sid: moment for sid, moment in self.committed.items() if moment > since}


class Process:
    """Polls as services/revocation/poll.py does, in two steps between which things happen."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.feed = RevocationFeed(SETTINGS, database.clock)
        self.full_at = 0.0
        self.begun: float | None = None

    def begin_poll(self) -> None:
        self.begun = self.begun or self.database.clock()

    def end_poll(self) -> None:
        self.begin_poll()
        now, self.begun, last = self.begun or 0.0, None, self.feed.as_of
        whole = last is None or now - self.full_at >= FULL_POLL_INTERVAL_SECONDS
        since = now - WINDOW_SECONDS if last is None or whole else last - LOOK_BACK_SECONDS
        self.feed.learn(Changes(as_of=now, revoked=self.database.read(since)), asked_at=now)
        if whole:
            self.feed.forget_old()
            self.full_at = now


class Reader(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.database = Database()
        self.processes = [Process(self.database), Process(self.database)]
        for process in self.processes:
            process.end_poll()
        self.count = 0
        self.known: dict[str, int] = {}
        self.cursor: float | None = None

    @rule()
    def somebody_revokes(self) -> None:
        self.count += 1
        self.database.pending[f"sid-{self.count}"] = self.database.clock()

    @precondition(lambda self: self.database.pending)
    @rule()
    def it_becomes_visible(self) -> None:
        self.database.commit(next(iter(self.database.pending)))

    @rule(number=which)
    def a_process_revokes(self, number: int) -> None:
        self.somebody_revokes()
        sid = f"sid-{self.count}"
        self.database.commit(sid)
        self.processes[number].feed.add([sid])

    @rule(seconds=spans)
    def time_passes(self, seconds: float) -> None:
        for sid, moment in list(self.database.pending.items()):
            if moment < self.database.now + seconds - LATEST:
                self.database.commit(sid)
        self.database.now += seconds

    @rule(number=which)
    def a_poll_begins(self, number: int) -> None:
        self.processes[number].begin_poll()

    @rule(number=which)
    def a_poll_ends(self, number: int) -> None:
        self.processes[number].end_poll()

    @rule(number=which)
    def a_process_starts_anew(self, number: int) -> None:
        self.processes[number] = Process(self.database)
        self.processes[number].end_poll()

    @rule(number=which)
    def the_reader_asks(self, number: int) -> None:
        feed = self.processes[number].feed
        page = feed.page(self.cursor)
        self.known.update(page.sessions)
        assert self.cursor is None or self.cursor <= self.database.now
        self.cursor = page.as_of
        for sid in feed.page(None).sessions:
            assert sid in self.known, "the process knew it and did not tell"

    @rule(number=which)
    def the_reader_waits(self, number: int) -> None:
        """It hears by the next poll of what it does not know; with nothing new it is not woken."""
        process = self.processes[number]
        if self.cursor is None:
            return
        process.end_poll()
        missing = process.feed.page(None).sessions.keys() - self.known.keys()
        if missing and process.feed.pages.news_at <= self.cursor:
            process.end_poll()
            assert process.feed.pages.news_at > self.cursor, "it would have waited in vain"

    @rule(number=which)
    def the_reader_follows_quietly(self, number: int) -> None:
        """Once it has been told everything, it is not answered over and over."""
        process = self.processes[number]
        for _ in range(3):
            process.end_poll()
            self.the_reader_asks(number)
        process.end_poll()
        assert self.cursor is not None
        assert process.feed.pages.news_at <= self.cursor


def test_a_page_never_loses_an_entry() -> None:
    run_state_machine_as_test(
        Reader,
        settings=hypothesis_settings(
            max_examples=80, stateful_step_count=40, deadline=None, derandomize=True
        ),
    )


def test_a_cursor_of_another_process_does_not_sleep_through_a_commit_between_the_polls() -> None:
    story = Reader()
    story.start()
    asked, other = story.processes
    asked.begin_poll()  # it has read the clock, and not yet the table
    other.end_poll()
    story.the_reader_asks(1)
    story.somebody_revokes()
    story.it_becomes_visible()
    asked.end_poll()  # it knows the entry, as of before the reader's cursor
    assert story.cursor is not None
    assert asked.feed.pages.news_at < story.cursor
    asked.end_poll()
    assert asked.feed.pages.news_at > story.cursor
