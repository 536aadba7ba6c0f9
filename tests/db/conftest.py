"""Databases without any table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from authapi.config.values import database_url as normalized
from tests.support.databases import DATABASES
from tests.support.postgresql import PostgreSQL


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of the test's own empty database, as the settings would name it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.database(template="template1") as name:
        yield normalized(server.url(name))
