"""A session's story: a server, a network that loses, delays and doubles, time, and a thief.

The owner's side is a subclass's (test_refresh_promises.py). Whatever happens in a story is a rule
for hypothesis; what must hold at every moment is an invariant, and how it ends is in `teardown`.
"""

from abc import abstractmethod
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from authapi.errors import BadRequest, InvalidGrant
from tests.support.clock import TestClock
from tests.support.refresh_rule import RefreshRule, new_key

OVERLAP = 10
IDLE_TTL = 1000
SESSION_TTL = 4000
# So many exchanges are remembered: a duplicate that is later than that looks like a replay.
REMEMBERED = 8

# One that waits steals what is held at the end, and presents nothing before.
THIEVES = ["none", "meddles", "waits", "waits, has the key"]
some = st.integers(0, 5)
pauses = st.sampled_from([0.5, OVERLAP, OVERLAP + 0.5, 2 * OVERLAP - 0.5, 2 * OVERLAP, 100, 700])


@dataclass(frozen=True)
class Held:
    """A refresh token, and the key that is kept with it; None for a client that sends none."""

    token: str
    key: str | None


@dataclass(frozen=True)
class Request:
    held: Held
    number: int
    exchanges_before: int


@dataclass(frozen=True)
class Answer:
    request: Request
    status: int
    token: str = ""
    rotated: bool = False


@dataclass
class Thief:
    """Keeps all that it ever had; presents at once, and nothing that it sends is lost."""

    loot: list[Held] = field(default_factory=list)
    has_presented: bool = False
    has_key: bool = False


class Story(RuleBasedStateMachine):
    # How often owner and thief present what they hold until the session has to be gone: a thief
    # who stole a token only, and one who stole its key as well.
    rounds = (1, 2)

    def __init__(self, rule_: RefreshRule, clock: TestClock, overlap: float) -> None:
        super().__init__()
        self.server, self.clock, self.overlap = rule_, clock, overlap
        self.thief = Thief()
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.past: list[Held] = []  # what the owner ever held
        self.sent = 0
        self.is_logged_out = self.is_revoked = False

    @initialize(thief=st.sampled_from(THIEVES), thief_is_first=st.booleans())
    def log_in(self, *, thief: str, thief_is_first: bool) -> None:
        pair = self.server.log_in()
        self.sid = pair.session_id
        self.exchanged = [self.sid]
        self.thief_kind, self.thief_is_first = thief, thief_is_first
        self.hold_first(pair.refresh_token)

    # The owner's side

    @abstractmethod
    def hold_first(self, token: str) -> None:
        """What the log-in handed out."""

    @property
    @abstractmethod
    def held(self) -> Held:
        """What the owner would present now."""

    @abstractmethod
    def present_until_answered(self) -> None:
        """What an owner does who is alone with the server: nothing is lost."""

    def is_about_to_send(self) -> bool:
        return False

    def sends(self, held: Held) -> Request:
        self.past.append(held)
        self.sent += 1
        return Request(held, self.sent, len(self.exchanged))

    def is_refused(self, held: Held) -> None:
        """The owner reads that what it holds now is refused, and does what our clients do."""
        assert self.thief.has_presented or not self.is_in_force(held), "logged out without a thief"
        self.server.revoke(self.sid)
        self.is_logged_out = True

    # The network and the server

    @precondition(lambda self: self.requests)
    @rule(which=some, doubled=st.booleans())
    def request_arrives(self, *, which: int, doubled: bool) -> None:
        request = self.requests.pop(which % len(self.requests))
        if self.is_too_late(request):
            return
        self.answers.append(self.answer(request))
        if doubled:
            self.requests.append(request)

    def is_too_late(self, request: Request) -> bool:
        """Return whether it comes later than the promise reaches."""
        return len(self.exchanged) - request.exchanges_before > REMEMBERED

    @precondition(lambda self: self.requests)
    @rule(which=some)
    def request_is_lost(self, *, which: int) -> None:
        del self.requests[which % len(self.requests)]

    @precondition(lambda self: self.answers)
    @rule(which=some)
    def answer_is_lost(self, *, which: int) -> None:
        del self.answers[which % len(self.answers)]

    @precondition(lambda self: not self.is_about_to_send())
    @rule(seconds=pauses)
    def time_passes(self, *, seconds: float) -> None:
        self.clock.advance(seconds)

    def answer(self, request: Request) -> Answer:
        held = request.held
        try:
            pair = self.server.present(held.token, held.key)
        except InvalidGrant:
            return Answer(request, 401)
        except BadRequest:
            return Answer(request, 400)
        finally:
            self.look_at_the_row()
        given, asked = self.server.claims(pair.refresh_token), self.server.claims(held.token)
        assert given.parent == (asked.jti if pair.rotated else asked.parent)
        return Answer(request, 200, pair.refresh_token, pair.rotated)

    def look_at_the_row(self) -> None:
        row = self.server.row(self.sid)
        if row.last_exchanged != self.exchanged[-1]:
            assert row.last_exchanged not in self.exchanged, "exchanged twice"
            self.exchanged.append(row.last_exchanged)
        self.is_revoked = row.revoked_at is not None
        remembered = [row.last_exchanged, *row.exchanged_before.split()]
        assert remembered == self.exchanged[: -REMEMBERED - 1 : -1]

    def is_in_force(self, held: Held) -> bool:
        ends_at = self.server.row(self.sid).expires_at
        return self.clock() < min(ends_at, self.server.claims(held.token).expires_at)

    # The thief

    @precondition(lambda self: self.thief_kind == "meddles")
    @rule(which=some, with_key=st.booleans())
    def thief_steals(self, *, which: int, with_key: bool) -> None:
        """Now and here, or one that the owner sent lately."""
        self.steal([self.held, *reversed(self.past)][which % (1 + len(self.past))], with_key)

    def steal(self, held: Held, with_key: bool) -> None:
        self.thief.has_key = self.thief.has_key or (with_key and held.key is not None)
        self.thief.loot.append(held if with_key else Held(held.token, new_key()))

    @precondition(lambda self: self.thief.loot)
    @rule(which=some)
    def thief_presents(self, *, which: int) -> None:
        self.thief_is_answered(which)

    def thief_is_answered(self, which: int) -> bool:
        """Whether with a token."""
        held = self.thief.loot[-1 - which % len(self.thief.loot)]
        self.thief.has_presented = True
        answer = self.answer(Request(held, 0, 0))
        if answer.rotated:
            self.thief.loot.append(Held(answer.token, new_key()))
        return answer.status == 200

    # The promises

    @invariant()
    def nobody_is_logged_out_by_the_network(self) -> None:
        if not self.thief.has_presented and not self.is_logged_out:
            assert not self.is_revoked

    def teardown(self) -> None:
        if not hasattr(self, "sid"):
            return
        if self.thief_kind.startswith("waits"):
            self.steal(self.held, self.thief_kind == "waits, has the key")
        if self.thief.loot:
            self.show_down()
        else:
            self.present_unless_logged_out()

    def show_down(self) -> None:
        """Both present what they hold, and again what they were given for it."""
        thief_lives = False
        for _ in range(self.rounds[self.thief.has_key]):
            if not self.thief_is_first:
                self.present_unless_logged_out()
            thief_lives = self.thief_is_answered(0)
            if self.thief_is_first:
                self.present_unless_logged_out()
            self.clock.advance(2 * self.overlap)
        assert self.is_revoked or not thief_lives, "the thief goes on"
        # With a key, what it presents may be a late duplicate: refused, but no replay.
        assert self.is_revoked or self.thief.has_key or self.has_ended(), "the theft goes unnoticed"

    def present_unless_logged_out(self) -> None:
        if not self.is_logged_out:
            self.present_until_answered()

    def has_ended(self) -> bool:
        return self.server.row(self.sid).expires_at <= self.clock()
