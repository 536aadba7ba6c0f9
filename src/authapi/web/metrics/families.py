"""THE table of the metrics: what each is called, what it says, and where its numbers are.

docs/operations.md lists them, and docs/operations/ has a dashboard and alerts; tests compare.
A counter is summed over all workers. A gauge is joined by its rule.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from authapi.db.database import Database
from authapi.services.events.catalogue import EventType
from authapi.tally import Counts, Tally
from authapi.web.runtime import Runtime

Join = Callable[[Sequence[float]], float]


def farthest(values: Sequence[float]) -> float:
    return max(values, key=abs)


@dataclass(frozen=True, slots=True)
class Gauge:
    """`read` returns this process's value, None while there is none."""

    name: str
    text: str
    read: Callable[[], float | None]
    join: Join = sum
    label: str = ""
    label_value: str = ""
    is_age: bool = False  # it grows by itself while its worker says nothing


@dataclass(frozen=True, slots=True)
class Counter:
    """A tally. Its names are the values of `label`; `only` one of them needs no label."""

    name: str
    text: str
    tally: Tally
    label: str = ""
    only: str = ""


def pools(runtime: Runtime) -> tuple[tuple[str, Database], ...]:
    """Return each pool of database connections, by what it is for."""
    mail, poll = runtime.mail_sender.db, runtime.poll.db
    return ("request", runtime.db), ("mail", mail), ("poll", poll)


def counters(runtime: Runtime) -> list[Counter]:
    db, cache = runtime.db, runtime.lookups.cache
    connections, hashing = runtime.connections, runtime.password_pool
    breached = runtime.passwords.breached.outcomes
    replay = EventType.REFRESH_TOKEN_REPLAYED
    text = "Sessions that a replay ended."
    return [
        Counter("logins", "Log-ins, by how they ended.", runtime.logins, "outcome"),
        Counter("refreshes", "Refreshes, by row of the rule.", runtime.refreshes, "row"),
        Counter("refresh_tokens_replayed", text, db.committed, only=replay),
        Counter("events", "Events, by type.", db.committed, "event"),
        Counter("refusals", "Answers with an error.", runtime.refusals, "refusal"),
        Counter("rate_limited", "Requests past a limit.", runtime.limits.refused, "limit"),
        Counter("hash_refused", "Passwords without a place.", hashing.refused, "reason"),
        Counter("breached_password_checks", "Answers of the range service.", breached, "outcome"),
        Counter("redis_entries_refused", "Entries not signed.", cache.refused, only="entries"),
        Counter("connections_opened", "Connections so far.", connections, only="opened"),
        Counter("connections_cut", "Too slow, or without a place.", connections, only="cut"),
    ]


def gauges(runtime: Runtime) -> list[Gauge]:
    feed, hashing, sender = runtime.revocations, runtime.password_pool, runtime.mail_sender
    connections = runtime.connections
    return [
        Gauge("processes", "Processes that these numbers are of.", lambda: 1),
        Gauge("revoked_sessions", "Sessions whose tokens are refused.", lambda: len(feed), max),
        Gauge(
            "revocation_staleness_seconds",
            "Age of the last poll.",
            lambda: None if feed.as_of is None else max(0.0, feed.staleness()),
            max,
            is_age=True,
        ),
        Gauge(
            "clock_skew_seconds",
            "This clock less the database's.",
            lambda: None if feed.as_of is None else feed.skew,
            farthest,
        ),
        Gauge(
            "revocation_waiters",
            "Requests that wait at GET /revocations.",
            lambda: feed.pages.changed.readers,
        ),
        Gauge("hash_queue_length", "Passwords that wait to be hashed.", lambda: hashing.waiting),
        Gauge("hash_queue_places", "Places in that queue.", lambda: hashing.queue),
        Gauge(
            "connections_open",
            "Connections now.",
            lambda: connections["opened"] - connections["ended"],
        ),
        Gauge("mails_waiting", "Mails that are not sent yet.", lambda: sender.waiting, max),
        Gauge(
            "mail_oldest_seconds",
            "Age of the mail that waits longest.",
            lambda: sender.oldest_seconds,
            max,
        ),
        *_of_pools(runtime),
    ]


def _of_pools(runtime: Runtime) -> Iterator[Gauge]:
    # In two loops: samples of one name must follow each other.
    for name, db in pools(runtime):
        text = "Connections in use, by pool."
        yield Gauge("database_connections_in_use", text, db.in_use, label="pool", label_value=name)
    for name, db in pools(runtime):
        text, read = "Connections that a pool may open.", partial(float, db.most_connections)
        yield Gauge("database_connections_allowed", text, read, label="pool", label_value=name)


def all_counts(runtime: Runtime) -> list[Counts]:
    """Return each object that counts, once, in an order that is the same in every worker."""
    found: list[Counts] = [counter.tally for counter in counters(runtime)]
    found += [db.statements.sent for _, db in pools(runtime)]
    return [*dict.fromkeys(found), runtime.password_pool.waits, runtime.requests]
