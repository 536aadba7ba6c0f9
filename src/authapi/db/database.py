"""How authapi talks to its database: SQLite or PostgreSQL, always in bounded time.

Three ways in, and no fourth:
`begin()`       one transaction that writes; it holds the write lock on SQLite from the start
`autocommit()`  statements that commit themselves, for reading entities
`connect()`     the same without the ORM, which takes a third of one statement's time: for what
                is asked most often; `to_write` where it is no reader's statement
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from authapi.clock import Clock
from authapi.db.engines import postgresql, sqlite
from authapi.db.engines.breaker import Breaker
from authapi.errors import Unavailable

log = structlog.get_logger()

# A request waits for a connection and then for one answer: 503 comes in under two seconds.
POOL_TIMEOUT = 0.4
CONNECTIONS = 20
KEPT = CONNECTIONS // 2  # the others are opened for a crowd, and closed after it


class Statements:
    """How many statements were sent."""

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        self._lock = Lock()
        event.listen(engine, "before_cursor_execute", self._sent)

    def _sent(self, *_: object) -> None:
        with self._lock:
            self.count += 1


@dataclass(frozen=True)
class Database:
    engine: Engine
    autocommit_engine: Engine  # the same pool
    statements: Statements
    writers: Breaker  # on SQLite these wait for one another; readers go on beside them
    readers: Breaker

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, undone by a raise.

        Raises Unavailable when the database is out of reach, busy or cut the work off.
        """
        with self._watched(self.writers), self._session(self.engine) as tx, tx.begin():
            yield tx

    @contextmanager
    def autocommit(self) -> Iterator[Session]:
        """A session in which each statement commits by itself. Raises Unavailable."""
        with self._watched(self.readers), self._session(self.autocommit_engine) as tx:
            yield tx

    @contextmanager
    def connect(self, *, to_write: bool = False) -> Iterator[Connection]:
        """A connection on which each statement commits by itself. Raises Unavailable."""
        breaker = self.writers if to_write else self.readers
        with self._watched(breaker), self.autocommit_engine.connect() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    @staticmethod
    @contextmanager
    def _watched(breaker: Breaker) -> Iterator[None]:
        with unavailable_if_out_of_reach(), breaker.watch():
            yield

    @staticmethod
    def _session(engine: Engine) -> Session:
        # Rows are read again by whoever needs them fresh; what was read stays readable.
        return Session(engine, expire_on_commit=False)


def open_database(url: str, clock: Clock, *, connections: int = CONNECTIONS) -> Database:
    """A database for `url`; nothing is connected before the first use.

    At most so many `connections` are open at once, of which KEPT stay open. `clock` is SQLite's
    own: the database runs in this process.
    """
    settings: dict[str, Any] = {
        "hide_parameters": True,  # or e-mail addresses and hashes reach the log by a traceback
        "pool_timeout": POOL_TIMEOUT,
        "pool_size": min(KEPT, connections),
        "max_overflow": max(0, connections - KEPT),
    }
    if url.startswith("sqlite"):
        engine: Engine = create_engine(url, connect_args=sqlite.CONNECT_ARGS, **settings)
        autocommit: Engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        base = engine
        sqlite.prepare(engine, clock)
        breakers = Breaker(sqlite.is_timeout), Breaker(lambda _: False)
    else:
        # A connection stays in autocommit: to switch it for each statement and back, and to undo
        # what is none, are three calls more.
        autocommit = create_engine(
            url, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, **settings
        )
        base = autocommit
        event.listen(base, "do_connect", postgresql.connect)
        engine = autocommit.execution_options(isolation_level="READ COMMITTED")
        breakers = (Breaker(postgresql.is_timeout),) * 2
    # The engine that the other is made of hears of both's statements.
    return Database(engine, autocommit, Statements(base), *breakers)


@contextmanager
def unavailable_if_out_of_reach() -> Iterator[None]:
    """Raises Unavailable for what may pass by itself; mistakes of ours stay what they are."""
    try:
        yield
    except PoolTimeoutError as error:
        log.warning("database_unavailable", reason="no free connection")
        raise Unavailable from error
    except DBAPIError as error:
        if not _may_pass(error):
            raise
        reason = str(error.orig).partition("\n")[0]
        log.warning("database_unavailable", reason=reason)
        raise Unavailable from error


def _may_pass(error: DBAPIError) -> bool:
    """Whether it tells of the database's state, and not of a statement that is wrong."""
    if error.connection_invalidated:
        return True
    return postgresql.may_pass(error) or sqlite.may_pass(error)
