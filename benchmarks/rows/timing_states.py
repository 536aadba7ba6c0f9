"""Does time tell what state an account is in? Each route is asked for names of each state in turn.

  state            the name
  known            has an account with a verified address
  unknown          has none
  disabled         has one that the operator disabled
  unverified       has one whose address is not verified
  limited          is known, and was asked for too often
  limited-unknown  is unknown, and was asked for as often

Each request comes from an address of its own, as from somebody who has many.
"""

import gc
import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from time import perf_counter, sleep

from benchmarks.harness.postgresql import execute
from benchmarks.harness.processes import BenchmarkError, on_core
from benchmarks.harness.rounds import Outcome, Ratio
from benchmarks.harness.stage import Stage
from benchmarks.ours import authapi, deployment
from benchmarks.rows.timing import auc
from benchmarks.seed import PASSWORD, Seed, email

PER_ROUND = 120  # samples of a state; five rounds leave an AUC a standard error of 0.017
KINDS = ("known", "disabled", "unverified")  # of users, by number in turn
USERS = 6000
LIMITED = 8  # names, asked for in turn
LIMIT = 3
SUBJECTS = 40  # users who change their address, in turn
FOLLOWERS = 10  # requests right after another one, while its mail is sent
SETTLE_SECONDS = 0.01  # for the thread that sends the mail of the last request
NEW_PASSWORD = "not a common phrase"  # noqa: S105 - of users that live for one run
OF_UNKNOWN = (*(("unknown", state) for state in KINDS), ("limited-unknown", "limited"))
SET_STATES = f"""
UPDATE users SET email_verified_at = CASE WHEN number % 3 < 2 THEN created_at END,
  disabled_at = CASE WHEN number % 3 = 1 THEN created_at END
FROM (SELECT number, left(md5('user ' || number), 22) AS user_id
  FROM generate_series(0, {USERS} - 1) AS number) AS numbered
WHERE user_id = users.id
"""  # noqa: S608 - nothing in it comes from outside
SETTINGS = {
    "registration_confirms_email": "true",
    "login_needs_verified_email": "true",
    "trusted_proxies": "127.0.0.1",  # X-Forwarded-For is believed
    "limit_login_account": f"{LIMIT}/hour",
    "limit_links": f"{LIMIT}/hour",
}


@dataclass(frozen=True, slots=True)
class Route:
    """`body` is made of a name. `limited` is the status of a name past its limit.

    A request to the route `after` comes before each that is measured.
    """

    path: str
    body: Callable[[str], dict[str, str]]
    status: int
    limited: int
    has_subject: bool = False
    is_followed: bool = False  # the time of FOLLOWERS is measured, and not its own
    pairs: Sequence[tuple[str, str]] = (*OF_UNKNOWN, ("unknown", "limited"))
    after: "Route | None" = None


LOGIN = Route(
    "/login",
    lambda name: {"email": name, "password": "none of these is right"},
    401,
    429,
    pairs=OF_UNKNOWN,  # past the limit the answer is another one, for unknown names too
)
REGISTER = Route("/register", lambda name: {"email": name, "password": NEW_PASSWORD}, 202, 202)
REGISTERED = Route(
    "/login",
    lambda name: {"email": name, "password": NEW_PASSWORD},
    403,
    429,
    pairs=OF_UNKNOWN,
    after=REGISTER,
)
FORGOT = Route("/password/forgot", lambda name: {"email": name}, 202, 202)
AFTER = replace(FORGOT, is_followed=True)
RESEND = Route("/email/verify/resend", lambda name: {"email": name}, 202, 202)
CHANGE = Route(
    "/me/email", lambda name: {"email": name, "password": PASSWORD}, 202, 202, has_subject=True
)


def login(stage: Stage) -> Outcome:
    """AUC of the times of `POST /login`: the worst pair of states of an account."""
    return _worst_pair(stage, LOGIN)


def register(stage: Stage) -> Outcome:
    """AUC of the times of `POST /register`, with confirmation: the worst pair of states."""
    return _worst_pair(stage, REGISTER)


def registered(stage: Stage) -> Outcome:
    """AUC of the times of `POST /login` with what was just registered: the worst pair of states."""
    return _worst_pair(stage, REGISTERED)


def forgot(stage: Stage) -> Outcome:
    """AUC of the times of `POST /password/forgot`: the worst pair of states."""
    return _worst_pair(stage, FORGOT)


def after_forgot(stage: Stage) -> Outcome:
    """AUC of the times of ten requests right after a `POST /password/forgot`: the worst pair."""
    return _worst_pair(stage, AFTER)


def resend(stage: Stage) -> Outcome:
    """AUC of the times of `POST /email/verify/resend`: the worst pair of states."""
    return _worst_pair(stage, RESEND)


def change(stage: Stage) -> Outcome:
    """AUC of the times of `POST /me/email`: the worst pair of states of the new address."""
    return _worst_pair(stage, CHANGE)


def _worst_pair(stage: Stage, route: Route) -> Outcome:
    with on_core(stage.load_core):
        return _of(_Visitor(stage, route), route, stage.rounds)


def _of(visitor: "_Visitor", route: Route, rounds: int) -> Outcome:
    with closing(visitor.client):
        visitor.reach_limits()
        times = [visitor.round(number) for number in range(rounds)]
    found, values = [], {}
    figures: dict[str, float] = {}
    for one, other in route.pairs:
        of_rounds = [auc(each[other], each[one]) for each in times]
        ones, others = (list(itertools.chain(*(each[at] for each in times))) for at in (one, other))
        together = auc(others, ones)
        either_way = max(together, 1 - together)
        values[either_way] = tuple(max(value, 1 - value) for value in of_rounds)
        figures |= {
            f"{name} ms": sorted(of)[len(of) // 2] * 1e3
            for name, of in ((one, ones), (other, others))
        }
        error = math.sqrt((len(ones) + len(others) + 1) / (12 * len(ones) * len(others)))
        found.append(f"{other} slower than {one}: AUC {together:.3f}, standard error {error:.3f}")
    worst = max(values)
    return Outcome(Ratio(values[worst], worst), figures=figures, remarks=tuple(found))


class _Visitor:
    """Asks one route of a server, for names in each state."""

    def __init__(self, stage: Stage, route: Route) -> None:
        self.route = route
        folder = str(stage.folder / f"mails{route.path.replace('/', '-')}")
        ours = deployment(stage, **SETTINGS, mail_dir=folder)
        seed = Seed(ours, USERS)
        execute(ours.database_url, SET_STATES)
        execute(ours.database_url, "VACUUM ANALYZE users")
        tokens = [seed.access_token(number) for number in seed.sessions(SUBJECTS * 3)[2::3]]
        self._tokens = itertools.cycle(tokens if route.has_subject else [""])
        self.client = HTTPConnection("127.0.0.1", authapi(stage, ours).port)
        self._addresses = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in itertools.count())
        limited = [f"limited-{number}@example.com" for number in range(LIMITED)]
        # The first users are subjects, the next ones limited.
        known = [email(3 * (SUBJECTS + 1 + number)) for number in range(LIMITED)]
        first = SUBJECTS + 1 + LIMITED
        self._limited = [*known, *limited]
        self._names: dict[str, Iterator[str]] = {
            **{
                kind: (email(3 * n + at) for n in itertools.count(first))
                for at, kind in enumerate(KINDS)
            },
            "unknown": (f"nobody-{number}@example.com" for number in itertools.count()),
            "limited": itertools.cycle(known),
            "limited-unknown": itertools.cycle(limited),
        }

    def reach_limits(self) -> None:
        for name in self._limited * LIMIT:
            self._seconds(name, self.route.status)

    def round(self, number: int) -> dict[str, list[float]]:
        """Return the seconds of each state's requests, which were sent in random order."""
        order = random.Random(number)  # noqa: S311 - the same in each run
        times: dict[str, list[float]] = {state: [] for state in self._names}
        states = list(times)
        gc.disable()
        try:
            for _ in range(PER_ROUND):
                order.shuffle(states)
                for state in states:
                    is_limited = state.startswith("limited")
                    status = self.route.limited if is_limited else self.route.status
                    times[state].append(self._seconds(next(self._names[state]), status))
        finally:
            gc.enable()
        return times

    def _seconds(self, name: str, status: int) -> float:
        if self.route.after:
            self._took(self.route.after, name, self.route.after.status)
        took = self._took(self.route, name, status)
        return self._followers() if self.route.is_followed else took

    def _took(self, route: Route, name: str, status: int) -> float:
        sleep(SETTLE_SECONDS)
        headers = {"Content-Type": "application/json", "X-Forwarded-For": next(self._addresses)}
        if token := next(self._tokens):
            headers["Authorization"] = f"Bearer {token}"
        body = json.dumps(route.body(name))
        began = perf_counter()
        self.client.request("POST", route.path, body, headers)
        answer = self.client.getresponse()
        told = answer.read()
        took = perf_counter() - began
        if answer.status != status:
            raise BenchmarkError(f"{route.path} of {name}: {answer.status} {told!r}")
        return took

    def _followers(self) -> float:
        began = perf_counter()
        for _ in range(FOLLOWERS):
            self.client.request("GET", "/healthz")
            self.client.getresponse().read()
        return perf_counter() - began
