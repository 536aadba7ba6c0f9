"""How many bytes a session takes: in the database, in memory, and in each request.

These figures are counted, not timed, so they are the same on every machine.
"""

import asyncio
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from authapi import create_app
from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.db import migrations
from authapi.verifier.revocations import RevocationSet
from benchmarks.harness.postgresql import bytes_of, with_driver
from benchmarks.harness.stage import Stage
from benchmarks.ours import NO_LIMITS

OF_A_REQUEST = "credentials of a request by "
TRANSPORTS = ("bearer", "hybrid", "cookie", "session")
SECRET = "a secret of the benchmarks that guards nothing at all"  # noqa: S105 - it is none
LOG_INS = 1_000
REVOKED = 100_000
# As Chromium names itself: each session keeps it.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
AGENT += " Chrome/150.0.0.0 Safari/537.36"
ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


@dataclass
class Credentials:
    """What one log-in of each transport hands over, over https."""

    headers: dict[str, int] = field(default_factory=dict)  # bytes a request
    cookies: dict[str, int] = field(default_factory=dict)  # bytes of each `name=value`


async def log_in_often(settings: Settings, credentials: Credentials) -> None:
    """Log in LOG_INS times by each transport in turn."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 50_000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client,
    ):
        (await client.post("/register", json=ADA)).raise_for_status()
        for number in range(LOG_INS):
            name = TRANSPORTS[number % len(TRANSPORTS)]
            body = {**ADA, "transport": name}
            answer = await client.post("/login", json=body, headers={"User-Agent": AGENT})
            answer.raise_for_status()
            client.cookies.clear()
            _note(name, answer, credentials)


def _note(name: str, answer: httpx.Response, credentials: Credentials) -> None:
    cookies = [line.partition(";")[0] for line in answer.headers.get_list("set-cookie")]
    credentials.cookies |= {line.partition("=")[0]: len(line) for line in cookies}
    lines = [f"Cookie: {'; '.join(cookies)}"] if cookies else []
    if token := answer.json().get("access_token"):
        lines.append(f"Authorization: Bearer {token}")
    credentials.headers[name] = sum(len(line) + len("\r\n") for line in lines)


def on_sqlite(folder: Path, credentials: Credentials) -> dict[str, int]:
    """Return the bytes of a log-in's rows on SQLite, with their indexes."""
    file = folder / "sizes.db"
    migrations.upgrade(f"sqlite:///{file}")

    def sizes(table: str) -> int:
        with sqlite3.connect(file) as connection:
            owned = "SELECT name FROM sqlite_master WHERE tbl_name = ?"
            query = f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({owned})"  # noqa: S608
            return int(connection.execute(query, (table,)).fetchone()[0] or 0)

    return _grown(f"sqlite:///{file}", sizes, credentials)


def on_postgresql(stage: Stage, credentials: Credentials) -> dict[str, int]:
    """Return the same for PostgreSQL."""
    url = stage.postgresql.database()

    return _grown(with_driver(url), partial(bytes_of, url), credentials)


def _grown(url: str, sizes: Callable[[str], int], credentials: Credentials) -> dict[str, int]:
    tables = ("sessions", "events")
    before = {table: sizes(table) for table in tables}
    values = {"hash_memory_kib": "1024", "hash_time_cost": "1", "secret": SECRET} | NO_LIMITS
    settings = Settings(
        _env_file=None,
        database_url=url,
        public_url="https://auth.example",
        max_sessions=0,
        log_format="json",
        **values,  # type: ignore[arg-type]
    )
    asyncio.run(log_in_often(settings, credentials))
    return {table: round((sizes(table) - before[table]) / LOG_INS) for table in tables}


def of_a_revocation(count: int = REVOKED) -> int:
    """Return the bytes of memory that a revoked session takes in each process."""
    sids = [new_id() for _ in range(count)]
    revoked = RevocationSet()
    tracemalloc.start()
    revoked.learn(dict.fromkeys(sids, 1_800_003_690.0))
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return round(grown / count)


def lines(stage: Stage) -> Iterable[tuple[str, str]]:
    """Yield each thing that is counted, with its bytes."""
    credentials = Credentials()
    for database, rows in (
        ("SQLite", on_sqlite(stage.folder, credentials)),
        ("PostgreSQL", on_postgresql(stage, credentials)),
    ):
        yield f"a row of `sessions` on {database}, with its indexes", f"{rows['sessions']:,}"
        yield f"a log-in's rows of `events` on {database}, with indexes", f"{rows['events']:,}"
    yield "a revoked session in memory, of 100,000", f"{of_a_revocation():,}"
    for name, size in credentials.cookies.items():
        yield f"the cookie `{name}`", f"{size:,}"
    for name, size in credentials.headers.items():
        yield f"{OF_A_REQUEST}{name}", f"{size:,}"
