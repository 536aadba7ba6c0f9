"""Real processes tell of themselves, and `authapi doctor` sees them (docs/operations.md)."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from authapi import clock
from authapi.db.database import open_database
from tests.support.server import AUTHAPI, ServerProcess
from tests.support.settings import SERVER, environment
from tests.support.until import until


def seen(database_url: str) -> Sequence[str]:
    with closing(open_database(database_url, clock.now)) as db, db.connect() as connection:
        return connection.scalars(text("SELECT id FROM processes")).all()


def test_two_workers_behind_an_unknown_proxy_are_seen_until_they_stop(tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path}/authapi.db"
    settings = {**SERVER, "database_url": database_url}
    person = {"email": "ada@example.com", "password": "correct horse battery staple"}
    with ServerProcess(tmp_path, "--workers", "2", **settings) as server:
        with server.client() as client:
            client.post("/login", json=person, headers={"X-Forwarded-For": "192.0.2.7"})
        until(lambda: len(seen(database_url)) == 2, seconds=60, every=0.1)
        done = subprocess.run(
            [AUTHAPI, "doctor", "--json"],
            cwd=tmp_path,
            env=environment(**settings),
            capture_output=True,
            check=False,
            timeout=60,
        )
        found = {one["check"]: one for one in json.loads(done.stdout)}
        assert done.returncode == 1, done.stderr
        assert found["settings"]["severity"] == "fine"
        assert "127.0.0.1" in found["proxies"]["remedy"]
        server.stop()
    assert seen(database_url) == []
