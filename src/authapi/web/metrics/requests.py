"""Requests by route and status, and how long they take. No client can add a name to these.

A route is a method and a template, such as `GET /sessions`. What no route answers is `other`, an
OPTIONS request is `OPTIONS`. `/verify` and what lies below it are one, in any method.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from authapi.errors import Refusal
from authapi.tally import Counts, Tally
from authapi.web.route_path import route_path

OTHER, PREFLIGHT, VERIFY = "other", "OPTIONS", "/verify"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
STATUSES = (
    *(200, 201, 202, 204, 206, 302, 303, 304, 400, 401, 403, 404, 405, 409, 413, 414, 415),
    *(416, 422, 429, 431, 500, 503),
)
STATUS_NAMES = (*map(str, STATUSES), OTHER)
# A request that verifies takes half a millisecond, a log-in 50 ms, a long poll 30 s.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SOONEST = BOUNDS[0]
# Places among the numbers of a route.
OTHER_STATUS, FIRST_BUCKET = len(STATUSES), len(STATUS_NAMES)
SUM = FIRST_BUCKET + len(BOUNDS) + 1
NOWHERE: dict[str, int] = {}

LOGIN_SUCCEEDED = "succeeded"
LOGIN_OUTCOMES = (
    *(LOGIN_SUCCEEDED, "invalid_credentials", "email_not_verified", "insufficient_authorization"),
    *("invalid_session", "invalid_code", "already_registered", "registration_closed"),
    *("rate_limited", "unavailable"),
)


class Requests(Counts):
    """For each route: a number for each status, then the buckets, then the sum of the seconds.

    Only the event loop counts, so it takes no lock.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        found = {
            f"{method} {route.path}": route.path_regex
            for route in routes
            if isinstance(route, Route)
            for method in route.methods or ()
            if method in METHODS
        }
        self.names = (*sorted(found), VERIFY, PREFLIGHT, OTHER)
        self._size = SUM + 1
        starts = {name: place * self._size for place, name in enumerate(self.names)}
        self._starts, self._other = starts, starts[OTHER]
        # The usual routes are found by path and method. A path with a parameter is matched.
        self._templates = {name: regex for name, regex in found.items() if "{" in name}
        self._known = {VERIFY: dict.fromkeys(METHODS, starts[VERIFY])}
        for name in found.keys() - self._templates:
            method, _, path = name.partition(" ")
            self._known.setdefault(path, {})[method] = starts[name]
        self._places = {status: place for place, status in enumerate(STATUSES)}
        super().__init__(len(self.names) * self._size)

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer."""
        path = route_path(scope) if scope.get("root_path") else scope["path"]
        start = self._known.get(path, NOWHERE).get(scope["method"])
        if start is None:
            start = self._starts[self._match(scope, path)]
        bucket = FIRST_BUCKET if seconds <= SOONEST else FIRST_BUCKET + bisect_left(BOUNDS, seconds)
        numbers = self._numbers
        numbers[start + self._places.get(status, OTHER_STATUS)] += 1
        numbers[start + bucket] += 1
        numbers[start + SUM] += seconds

    def name(self, scope: Scope) -> str:
        """Return the name of the route that a request is for."""
        path = route_path(scope)
        start = self._known.get(path, NOWHERE).get(scope["method"])
        return self._match(scope, path) if start is None else self.names[start // self._size]

    def _match(self, scope: Scope, path: str) -> str:
        method = scope["method"]
        if path == VERIFY or path.startswith(f"{VERIFY}/"):
            return VERIFY
        if method == "OPTIONS":
            return PREFLIGHT
        if method == "HEAD" and (known := f"GET {path}") in self._starts:
            return known
        method = "GET" if method == "HEAD" else method
        fitting = (
            name
            for name, regex in self._templates.items()
            if name.startswith(f"{method} ") and regex.match(path)
        )
        return next(fitting, OTHER)

    def by_status(self, numbers: list[float]) -> Iterator[tuple[str, str, float]]:
        """Yield route, status and count, of those that are not zero."""
        for name, start in self._starts.items():
            for place, status in enumerate(STATUS_NAMES):
                if count := numbers[start + place]:
                    yield name, status, count

    def times(self, numbers: list[float]) -> Iterator[tuple[str, list[float]]]:
        """Yield route, its buckets and its sum, of the routes that were asked."""
        for name, start in self._starts.items():
            times = numbers[start + FIRST_BUCKET : start + self._size]
            if any(times[:-1]):
                yield name, times


@contextmanager
def outcome_of(logins: Tally) -> Iterator[None]:
    """Count how a log-in ends, by the code of its refusal."""
    try:
        yield
    except Refusal as refusal:
        logins.add(refusal.code)
        raise
    logins.add(LOGIN_SUCCEEDED)
