"""Whatever happens to the keys, a token of one process is verifiable by every other.

Two processes on one database, with clocks of their own that are up to 25 s off. Time passes, keys
are rotated, called compromised, and changed in algorithm; processes poll and restart in any order.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from authapi.errors import OperatorError
from authapi.services.keys.rotation import list_keys, mark_compromised, rotate_key
from tests.support.clock import TestClock
from tests.support.process import Process
from tests.support.settings import settings_for

DELAY = 600
TTL = 3600
SKEW = 25

who = st.integers(0, 1)
skews = st.integers(-SKEW, SKEW)
# Around every limit: the delay, a token's life, a key's, and nothing at all.
spans = st.sampled_from([1, 60, DELAY - 1, DELAY, DELAY + 1, TTL - 100, TTL, TTL + 91, 86400])


@dataclass(frozen=True)
class Minted:
    token: str
    kid: str
    expires_at: float


class Keys(RuleBasedStateMachine):
    """Whatever happens in a story is a rule; what must hold at every moment is an invariant."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "authapi.db"
        shutil.copy(self.template, path)
        self.url = f"sqlite:///{path}"
        self.clock = TestClock()
        self.algorithm = "ES256"
        self.processes: list[Process] = []
        self.minted: list[Minted] = []
        self.at_once: set[str] = set()  # kids that need not be published first

    @initialize(first=skews, second=skews)
    def start(self, first: int, second: int) -> None:
        self.skews = (first, second)
        self.processes = [self.started(0), self.started(1)]
        self.at_once |= {key.kid for key in list_keys(self.processes[0].db)[0]}

    def started(self, number: int) -> Process:
        settings = settings_for(
            self.url,
            access_token_ttl=TTL,
            key_publish_delay=DELAY,
            key_rotation_days=1,
            signing_algorithm=self.algorithm,
        )
        skew = self.skews[number]
        process = Process.assembled(settings, self.clock, lambda: self.clock() + skew)
        process.start()
        return process

    @rule(seconds=spans, first=who)
    def time_passes(self, seconds: float, first: int) -> None:
        """Both were up to date; afterwards one polls, and for a moment the other has not yet."""
        self.everybody_polls()
        self.clock.advance(seconds)
        self.processes[first].poll()
        self.mint(first)
        self.mint(1 - first)
        self.everybody_polls()

    @rule(number=who)
    def poll(self, number: int) -> None:
        self.processes[number].poll()

    def everybody_polls(self) -> None:
        for process in self.processes:
            process.poll()

    @rule(now=st.booleans())
    def rotate(self, now: bool) -> None:
        try:
            key = rotate_key(self.processes[0].db, self.processes[0].settings, at_once=now)
        except OperatorError:  # one waits already
            return
        if now:
            self.at_once.add(key.kid)

    @rule(which=st.integers(0, 9))
    def compromise(self, which: int) -> None:
        keys, now = list_keys(self.processes[0].db)
        if which >= len(keys):
            return
        stolen = keys[which]
        new = mark_compromised(self.processes[0].db, self.processes[0].settings, stolen.kid)
        if new and stolen.signs_from <= now:
            self.at_once.add(new.kid)

    @rule(number=who, algorithm=st.sampled_from(["ES256", "EdDSA", "HS256"]))
    def restart(self, number: int, algorithm: str) -> None:
        self.algorithm = algorithm
        self.processes[number].close()
        self.processes[number] = self.started(number)

    @invariant()
    def both_mint(self) -> None:
        for number in range(len(self.processes)):
            self.mint(number)

    def mint(self, number: int) -> None:
        process, other = self.processes[number], self.processes[1 - number]
        token, kid = process.mint(), process.signs_with()
        self.minted.append(Minted(token, kid, self.clock() + TTL))
        assert process.accepts(token)
        [key] = [key for key in list_keys(process.db)[0] if key.kid == kid]
        assert kid in self.at_once or self.clock() >= key.created_at + DELAY
        if not other.accepts(token):
            other.poll()
            assert other.accepts(token) or self.is_compromised(kid)

    @invariant()
    def tokens_verify_until_they_run_out(self) -> None:
        self.minted = [each for each in self.minted if each.expires_at - SKEW - 1 > self.clock()]
        for process in self.processes:
            known = process.publishes()
            for each in self.minted:
                refused = each.kid not in known or not process.accepts(each.token)
                if refused and not self.is_compromised(each.kid):
                    process.poll()
                    assert process.accepts(each.token)

    def is_compromised(self, kid: str) -> bool:
        keys, _ = list_keys(self.processes[0].db)
        return any(key.kid == kid and key.compromised_at is not None for key in keys)

    def teardown(self) -> None:
        for process in self.processes:
            process.close()
        self.folder.cleanup()


@pytest.fixture
def story(sqlite_template: Path) -> type[Keys]:
    return type("Story", (Keys,), {"template": sqlite_template})


def test_a_token_is_always_verifiable_by_every_process(story: type[Keys]) -> None:
    run_state_machine_as_test(
        story,
        settings=hypothesis_settings(
            max_examples=10, stateful_step_count=20, deadline=None, derandomize=True
        ),
    )
