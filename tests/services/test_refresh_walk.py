"""until_used, exhaustively: every order of lost, late and doubled messages, against the real rule.

The walk goes from state to state until no new one is found, so no depth limits it. Two states are
one if they differ in the names of tokens alone. The client sends no keys. So many requests, and as
many answers, are under way at one moment as `under_way` says.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import update

from authapi.db.models import Session
from authapi.errors import InvalidGrant
from tests.support.clock import TestClock
from tests.support.refresh_rule import RefreshRule, quick_runtime

ROUNDS = 2  # until both parties have presented what they hold, and what they got for it


@dataclass(frozen=True)
class Answer:
    sent: str
    given: str | None  # None: refused


@dataclass(frozen=True)
class State:
    """`exchanged` names tokens, the latest last. `loot` is the newest of a thief's tokens."""

    held: str
    exchanged: tuple[str, ...]
    is_revoked: bool = False
    requests: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    loot: str | None = None
    thief_has_presented: bool = False


class Walk:
    """The steps of a client, a network and a thief at one session."""

    def __init__(self, server: RefreshRule, *, under_way: int, with_thief: bool = False) -> None:
        self.server, self.under_way, self.with_thief = server, under_way, with_thief
        pair = server.log_in()
        self.sid = pair.session_id
        self.first = State(pair.refresh_token, (self.sid,))
        self.claims = cache(server.claims)

    def states(self) -> Iterator[State]:
        """Yield each state that can be reached, once."""
        waiting, seen = [self.first], {self.shape(self.first)}
        while waiting:
            state = waiting.pop()
            yield state
            for following in self.steps(state):
                if (shape := self.shape(following)) not in seen:
                    seen.add(shape)
                    waiting.append(following)

    def shape(self, state: State) -> object:
        """Return the state with its tokens' names replaced by numbers."""
        numbers = {state.exchanged[-1]: 0}

        def number(token: str | None) -> tuple[int, int] | None:
            if token is None:
                return None
            claims = self.claims(token)
            jti = numbers.setdefault(claims.jti, len(numbers))
            return jti, numbers.setdefault(claims.parent, len(numbers))

        held, loot = number(state.held), number(state.loot)
        requests = tuple(number(sent) for sent in state.requests)
        answers = tuple((number(answer.sent), number(answer.given)) for answer in state.answers)
        return held, loot, requests, answers, state.is_revoked, state.thief_has_presented

    def steps(self, state: State) -> Iterator[State]:
        if len(state.requests) < self.under_way:
            yield replace(state, requests=(*state.requests, state.held))
        for index, sent in enumerate(state.requests):
            rest = without(state.requests, index)
            yield replace(state, requests=rest)  # lost
            if len(state.answers) < self.under_way and not self.is_too_late(state, sent):
                served, given = self.present(state, sent)
                arrived = replace(served, answers=(*state.answers, Answer(sent, given)))
                yield arrived  # and once more, later
                yield replace(arrived, requests=rest)
        for index, answer in enumerate(state.answers):
            rest_of_answers = without(state.answers, index)
            yield replace(state, answers=rest_of_answers)  # lost
            read = self.read(state, answer)
            yield read  # and once more, later
            yield replace(read, answers=rest_of_answers)
        if self.with_thief:
            yield from self.steps_of_the_thief(state)

    def steps_of_the_thief(self, state: State) -> Iterator[State]:
        if state.loot is None:
            yield replace(state, loot=state.held)
            return
        served, given = self.present(state, state.loot)
        yield replace(served, loot=given or state.loot, thief_has_presented=True)

    def is_too_late(self, state: State, sent: str) -> bool:
        """Return whether the client has exchanged already what it got instead."""
        return sent != state.held and self.claims(sent).jti in state.exchanged[:-1]

    def read(self, state: State, answer: Answer) -> State:
        """Return what the client makes of an answer. One to what it gave up says nothing."""
        if answer.sent != state.held:
            return state
        if answer.given is None:
            assert state.thief_has_presented, "logged out without a thief"
            return state
        return replace(state, held=answer.given)

    def present(self, state: State, token: str) -> tuple[State, str | None]:
        """Present the token to the real rule, in that state of the row."""
        self.restore(state)
        try:
            given = self.server.present(token).refresh_token
        except InvalidGrant:
            given = None
        row = self.server.row(self.sid)
        is_revoked = row.revoked_at is not None
        assert state.thief_has_presented or state.loot or not is_revoked, "revoked by the network"
        new = (row.last_exchanged,) if row.last_exchanged != state.exchanged[-1] else ()
        return replace(state, exchanged=state.exchanged + new, is_revoked=is_revoked), given

    def restore(self, state: State) -> None:
        row = self.server.row(self.sid)
        values = {
            "last_exchanged": state.exchanged[-1],
            "exchanged_before": " ".join(state.exchanged[-2:-9:-1]),
            "exchange_keys": "",
            "revoked_at": row.created_at if state.is_revoked else None,
        }
        with self.server.runtime.db.begin() as tx:
            tx.execute(update(Session).where(Session.sid == self.sid).values(values))

    def show_down(self, state: State, *, thief_is_first: bool) -> State:
        """Let both present what they hold, and what they were given for it."""
        owner, thief = state.held, state.loot or ""
        for _ in range(ROUNDS):
            for is_thief in (thief_is_first, not thief_is_first):
                state, given = self.present(state, thief if is_thief else owner)
                owner, thief = (owner, given or thief) if is_thief else (given or owner, thief)
        return state


T = TypeVar("T")


def without(items: tuple[T, ...], index: int) -> tuple[T, ...]:
    return items[:index] + items[index + 1 :]


@pytest.fixture
def server(sqlite_template: Path, tmp_path: Path, clock: TestClock) -> Iterator[RefreshRule]:
    path = tmp_path / "authapi.db"
    shutil.copy(sqlite_template, path)
    with quick_runtime(path, clock, refresh_overlap_bearer="until_used") as runtime:
        yield RefreshRule(runtime, "bearer")


def test_until_used_no_order_of_messages_logs_a_client_without_keys_out(
    server: RefreshRule,
) -> None:
    walk = Walk(server, under_way=2)
    states = [state for state in walk.states() if not state.is_revoked]
    assert len(states) > 100
    assert all(walk.present(state, state.held)[1] for state in states)


def test_until_used_a_theft_ends_the_session_one_exchange_later(server: RefreshRule) -> None:
    walk = Walk(server, under_way=1, with_thief=True)
    robbed = [state for state in walk.states() if state.loot]
    assert len(robbed) > 100
    for state in robbed:
        for thief_is_first in (True, False):
            assert walk.show_down(state, thief_is_first=thief_is_first).is_revoked
