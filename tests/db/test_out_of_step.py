"""A pooler answered what was not asked: try again, on another connection (503, not 500)."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from authapi.db.database import Database
from authapi.errors import Unavailable
from tests.support.databases import postgresql_only


@postgresql_only
def test_a_connection_with_answers_too_many_is_dropped_and_tried_again_later(db: Database) -> None:
    """The kind: an error of the driver's own, which has no SQLSTATE to look at."""
    engine = db.engine
    backend = text("SELECT pg_backend_pid()")
    with db.connect() as connection:
        before = connection.scalar(backend)

    def answer_twice(*_: Any) -> None:
        raise psycopg.InternalError("received 2 results from command 'COMMIT'")

    event.listen(engine, "do_execute", answer_twice)
    with pytest.raises(Unavailable), db.begin() as tx:
        tx.execute(backend)
    event.remove(engine, "do_execute", answer_twice)
    with db.connect() as connection:
        assert connection.scalar(backend) != before
