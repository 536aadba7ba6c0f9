"""The kind: the server library's limits are ours. Java's client offers h2c with every body."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.server import ServerProcess
from tests.support.settings import SERVER

PROGRAM = Path(__file__).with_name("Session.java")


@pytest.mark.parametrize("kind", ["of known length", "chunked", "expecting"])
def test_the_jdks_client_logs_in_refreshes_and_logs_out(tmp_path: Path, kind: str) -> None:
    ada = {"email": EMAIL, "password": PASSWORD}
    with ServerProcess(tmp_path, **SERVER) as server, server.client() as client:
        client.post("/register", json=ada).raise_for_status()
        done = subprocess.run(
            ["java", str(PROGRAM), server.base_url, kind, json.dumps(ada)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        *("POST /login 200", "POST /refresh 200", "GET /verify 204"),
        *("GET /me 200", "POST /logout 204", "GET /verify 401"),
    ]
