"""The cost of each route with 1,000,000 users, sessions and events, over that with 10,000.

Two measures of the same requests:
rows and blocks  counted by EXPLAIN (ANALYZE, BUFFERS) of each statement: noise does not move them
CPU              of authapi and of its PostgreSQL backends, in turn at both sizes
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Thread
from time import monotonic, sleep
from typing import Any

import uvicorn
from sqlalchemy import event

from authapi import create_app
from benchmarks.growth.requests import ADMINISTRATOR, ROUTES, Route, World
from benchmarks.growth.section import Section
from benchmarks.harness.postgresql import backends, execute
from benchmarks.harness.processes import BenchmarkError, Server, running_seconds
from benchmarks.harness.rounds import Measure, Sample, alternate, cpu
from benchmarks.harness.stage import Stage
from benchmarks.ours import BEHIND_A_PROXY, authapi, deployment
from benchmarks.seed import Seed, user_id

FEW, MANY = 10_000, 1_000_000
CALLS = 25  # a round
COUNTED = 3
TICKETS = 1000
# The cheapest hash that is allowed: the rest would vanish beside the default.
CHEAP = {"hash_memory_kib": "1024", "hash_time_cost": "1"}
EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(slots=True)
class Count:
    """What the statements of a request touched."""

    statements: int = 0
    rows: float = 0.0  # looked at, whether they fit or not
    blocks: int = 0

    def add(self, plan: Mapping[str, Any]) -> None:
        self.statements += 1
        self.blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self.rows += sum(_rows(node) for node in _nodes(plan))


def routes(stage: Stage) -> Section:
    """Measure each route at both sizes."""
    worlds = {size: _world(stage, size) for size in (FEW, MANY)}
    numbers = {size: _numbers(stage, size) for size in worlds}
    stage.postgresql.checkpoint()
    counts: dict[int, dict[str, Count]] = {}
    for size, world in worlds.items():
        with _explained(world) as counting:
            counts[size] = {r.name: counting(r, numbers[size]) for r in ROUTES}
    servers = {size: authapi(stage, world.ours) for size, world in worlds.items()}
    arms = {
        f"{route.name} {size}": _calls(world, servers[size], route, numbers[size])
        for route in ROUTES
        for size, world in worlds.items()
    }
    samples = alternate(stage, arms)
    lines = []
    for route in ROUTES:
        few, many = counts[FEW][route.name], counts[MANY][route.name]
        ratio = cpu(samples, f"{route.name} {MANY}", f"{route.name} {FEW}")
        rows = f"{few.rows:.0f}, {many.rows:.0f}"
        blocks = f"{few.blocks}, {many.blocks}"
        lines.append((f"`{route.name}`", str(few.statements), rows, blocks, str(ratio)))
    head = (
        "route",
        "statements",
        "rows looked at",
        "blocks touched",
        "CPU with 1,000,000, of 10,000's",
    )
    return Section("Cost of each route by the number of rows", head, lines)


def _world(stage: Stage, size: int) -> World:
    ours = deployment(stage, **CHEAP, **BEHIND_A_PROXY)
    seed = Seed(ours, size)
    seed.sessions(size)
    seed.events(size)
    scopes = "UPDATE users SET scopes = 'authapi:admin' WHERE id = %(id)s"
    execute(ours.database_url, scopes, {"id": user_id(ADMINISTRATOR)})
    return World(ours, seed, seed.sessions(TICKETS, "session"))


def _numbers(stage: Stage, size: int) -> Iterator[int]:
    """Yield numbers of sessions all over the table, none twice.

    The first users are left out: the administrator, and those of the tickets, whom a route that
    ends a user's sessions would log out.
    """
    first = max(ADMINISTRATOR, TICKETS) + 1
    needed = len(ROUTES) * (COUNTED + 1 + CALLS * (stage.rounds + 1))
    if needed > size - first:
        raise BenchmarkError(f"{needed} sessions are needed: fewer rounds")
    return count(first, (size - first) // needed)


def _calls(world: World, server: Server, route: Route, numbers: Iterator[int]) -> Measure:
    def cpu_seconds() -> float:
        family = [one.pid for one in server.process.children(recursive=True)]
        return running_seconds([server.process.pid, *family, *backends(world.ours.database_url)])

    def measure(_seconds: int) -> Sample:
        requests = [route.make(world, next(numbers)) for _ in range(CALLS)]
        before, began = cpu_seconds(), monotonic()
        for request in requests:
            world.ask(route.method, request)
        return Sample(CALLS / (monotonic() - began), (cpu_seconds() - before) / CALLS)

    return measure


@contextmanager
def _explained(world: World) -> Iterator[Callable[[Route, Iterator[int]], Count]]:
    """Serve in a thread of this process, and explain each statement before it is sent."""
    app = create_app(world.ours.settings)
    engine = app.state.runtime.db.autocommit_engine  # it hears of the other's statements too
    server = uvicorn.Server(uvicorn.Config(app, port=world.ours.port, log_level="critical"))
    counts: list[Count] = []

    def explain(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:  # noqa: ANN401
        driver = connection.connection.driver_connection
        for each in values if isinstance(values, list) else [values]:
            if counts and statement.split(maxsplit=1)[0] in EXPLAINED:
                with driver.transaction(force_rollback=True):
                    plan = driver.execute(f"{EXPLAIN} {statement}", each).fetchone()
                counts[-1].add(plan[0][0]["Plan"])

    def counted(route: Route, numbers: Iterator[int]) -> Count:
        found = []
        for _ in range(COUNTED + 1):  # the first one fills caches
            request = route.make(world, next(numbers))
            counts.append(Count())
            world.ask(route.method, request)
            found.append(counts.pop())
        middle = sorted(found[1:], key=lambda one: one.blocks)
        return middle[COUNTED // 2]

    event.listen(engine, "before_cursor_execute", explain)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        sleep(0.02)
    try:
        yield counted
    finally:
        server.should_exit = True
        thread.join()


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from _nodes(one)


def _rows(node: Mapping[str, Any]) -> float:
    if "Relation Name" not in node or "Scan" not in node["Node Type"]:
        return 0
    removed = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])
