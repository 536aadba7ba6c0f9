"""How authapi talks to its database: SQLite or PostgreSQL, always in bounded time.

Two ways in, and no third:
`begin()`    one transaction that writes; on SQLite it holds the write lock from the start
`connect()`  statements that commit by themselves; `to_write` for one that writes
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from authapi.clock import Clock
from authapi.db.engines import lost, postgresql, sqlite, traced
from authapi.db.engines.breaker import Breaker
from authapi.db.engines.sqlite import Patience
from authapi.errors import Unavailable
from authapi.logs import log
from authapi.tally import Tally

# A request waits for a connection and then for one answer: 503 comes in under two seconds.
POOL_TIMEOUT_SECONDS = 0.4
MAX_CONNECTIONS = 20
KEPT_CONNECTIONS = MAX_CONNECTIONS // 2  # the others are opened for a crowd, and closed after it


class Statements:
    """Counts the statements sent."""

    def __init__(self, engine: Engine) -> None:
        self.sent = Tally("sent")
        event.listen(engine, "before_cursor_execute", self._sent)
        traced.follow(engine)

    @property
    def count(self) -> int:
        return self.sent["sent"]

    def _sent(self, *_: object) -> None:
        self.sent.add("sent")


ReadSids: TypeAlias = Callable[[Connection], Collection[str]]


class Transaction(Connection):
    """A connection in a transaction, which notes what follows its commit."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.revoked: list[str] = []
        self.stops: list[ReadSids] = []
        self.has_erased = False
        self.log_lines: list[dict[str, Any]] = []
        self.has_mail = False

    def note_mail(self) -> None:
        """Wake who sends mails after the commit."""
        self.has_mail = True

    def note_revoked(self, sids: Collection[str]) -> None:
        """Refuse these sessions in this process from the commit on."""
        self.revoked += sids

    def note_stop(self, read_sids: ReadSids) -> None:
        """Read sessions after the commit, and refuse them in this process from then on."""
        self.stops.append(read_sids)

    def note_erased(self) -> None:
        """Leave nothing of a person's deleted data in the files of SQLite after the commit."""
        self.has_erased = True

    def note_log_line(self, **line: Any) -> None:  # noqa: ANN401
        """Log this after the commit. `event` and `level` are structlog's."""
        self.log_lines.append(line)


@dataclass(frozen=True)
class Database:
    """Opened by `open_database`. The sessions that a stop has ended are read within `reading`."""

    engine: Engine
    autocommit_engine: Engine  # the same pool
    statements: Statements
    writers: Breaker | Patience  # on SQLite these wait for one another; readers go on beside them
    readers: Breaker
    on_revoked: Callable[[Collection[str]], None] | None = None
    on_mail: Callable[[], None] = lambda: None
    reading: AbstractContextManager[Any] = field(default_factory=nullcontext)
    erasure: sqlite.Erasure | None = None  # on SQLite
    committed: Tally = field(default_factory=Tally)  # events, by type
    most_connections: int = MAX_CONNECTIONS

    def in_use(self) -> int:
        """Return how many connections are taken out of the pool now."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Open a transaction. The end of the block commits it, and a raise undoes it.

        Its notes are carried out after the commit, before this returns. Raises Unavailable when the
        database is out of reach or busy, or has cut the work off.
        """
        with unavailable_if_out_of_reach(), self.writers.watch():
            tx = Transaction(self.engine)
            with tx, tx.begin():
                yield tx
        if self.on_revoked is not None:
            try:
                self._tell_revoked(tx, self.on_revoked)
            except Exception:  # noqa: BLE001 - it is committed: the next poll tells this process
                log.exception("revocations_not_noted")
        if tx.has_mail:
            self.on_mail()
        for line in tx.log_lines:
            self.committed.add(line["event"])
            log.write(**line)
        if self.erasure:
            self.erasure.follow(has_erased=tx.has_erased)

    def _tell_revoked(self, tx: Transaction, tell: Callable[[Collection[str]], None]) -> None:
        if tx.revoked:
            tell(tx.revoked)
        for read_sids in tx.stops:
            # Not before the commit: there may be so many that the statement runs out of time.
            with self.reading:
                with self.connect(in_portions=True) as connection:
                    sids = read_sids(connection)
                tell(sids)

    @contextmanager
    def connect(self, *, to_write: bool = False, in_portions: bool = False) -> Iterator[Connection]:
        """Open a connection on which each statement commits by itself. Raises Unavailable.

        Behind a pooler they are one transaction, which the end of the block commits.
        `in_portions` for a statement that reads by `yield_per`: on PostgreSQL its cursor needs a
        transaction, and each fetch has the time of a statement.
        """
        breaker = self.writers if to_write else self.readers
        has_cursors = in_portions and self.engine.dialect.name == "postgresql"
        engine = self.engine if has_cursors else self.autocommit_engine
        with (
            unavailable_if_out_of_reach(),
            breaker.watch(),
            engine.connect() as connection,
        ):
            is_pooled = postgresql.is_pooled(connection)
            if is_pooled:  # a statement alone would have no time-out
                connection.execution_options(isolation_level="READ COMMITTED")
            yield connection
            if is_pooled:
                connection.commit()
        if to_write and self.erasure:
            self.erasure.follow(has_erased=False)

    def close(self) -> None:
        self.engine.dispose()


def open_database(
    url: str,
    clock: Clock,
    *,
    connections: int = MAX_CONNECTIONS,
    on_revoked: Callable[[Collection[str]], None] | None = None,
    on_mail: Callable[[], None] = lambda: None,
) -> Database:
    """Return a database for `url`. Nothing is connected before the first use.

    At most so many `connections` are open at once, of which KEPT_CONNECTIONS stay open. `clock` is
    SQLite's own: that database runs in this process. `on_revoked` is called after each commit that
    revoked sessions, with their sids. Without it nobody reads the sids that a stop has ended.
    `on_mail` is called after each commit that posted a mail.
    """
    settings: dict[str, Any] = {
        "hide_parameters": True,  # or e-mail addresses and hashes reach the log by a traceback
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        "pool_size": min(KEPT_CONNECTIONS, connections),
        "max_overflow": max(0, connections - KEPT_CONNECTIONS),
    }
    is_sqlite = url.startswith("sqlite")
    opened = _open_sqlite(url, clock, settings) if is_sqlite else _open_postgresql(url, settings)
    return replace(opened, on_revoked=on_revoked, on_mail=on_mail, most_connections=connections)


def _open_sqlite(url: str, clock: Clock, settings: dict[str, Any]) -> Database:
    engine = create_engine(url, connect_args=sqlite.CONNECT_ARGS, **settings)
    patience = Patience()
    sqlite.prepare(engine, clock, patience)
    return Database(
        engine,
        autocommit_engine=engine.execution_options(isolation_level="AUTOCOMMIT"),
        # The engine that the other is made of hears of both's statements.
        statements=Statements(engine),
        writers=patience,
        readers=Breaker(lambda _: False),
        erasure=sqlite.Erasure(Path(url.removeprefix("sqlite:///"))),
    )


def _open_postgresql(url: str, settings: dict[str, Any]) -> Database:
    # A connection stays in autocommit: to switch it for each statement and back, and to undo
    # what is none, are three calls more.
    autocommit = create_engine(
        url, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, **settings
    )
    lost.follow_primary(autocommit)
    postgresql.prepare(autocommit)
    breaker = Breaker(postgresql.is_timeout)
    return Database(
        autocommit.execution_options(isolation_level="READ COMMITTED"),
        autocommit_engine=autocommit,
        statements=Statements(autocommit),
        writers=breaker,
        readers=breaker,
    )


@contextmanager
def unavailable_if_out_of_reach() -> Iterator[None]:
    """Raise Unavailable for an error that may pass by itself; any other stays what it is."""
    try:
        yield
    except PoolTimeoutError as error:
        log.warning("database_unavailable", reason="no free connection")
        raise Unavailable from error
    except DBAPIError as error:
        passing = postgresql.may_pass(error) or sqlite.may_pass(error)
        if not (passing or error.connection_invalidated):
            raise
        log.warning("database_unavailable", reason=str(error.orig).partition("\n")[0])
        raise Unavailable from error
