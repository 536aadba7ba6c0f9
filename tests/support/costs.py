"""An answer as it is compared with others, and what a request cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from sqlalchemy import event

from authapi.db.database import Database

OF_THE_REQUEST = {"date", "x-request-id"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @staticmethod
    def of(response: httpx.Response) -> "Answer":
        """Return all of it but what differs between any two requests."""
        headers = [pair for pair in response.headers.multi_items() if pair[0] not in OF_THE_REQUEST]
        return Answer(response.status_code, headers, response.content)


@dataclass
class Cost:
    statements: list[str] = field(default_factory=list)
    commits: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        return len(self.statements), self.commits


@contextmanager
def counted(db: Database) -> Iterator[Cost]:
    """Count the statements and commits of the block."""
    cost, engine = Cost(), db.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        cost.statements.append(statement)

    def commit(_connection: object) -> None:
        cost.commits += 1

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", commit)
    yield cost
    event.remove(engine, "before_cursor_execute", note)
    event.remove(engine, "commit", commit)
