"""The lines of docs/operations.md that back SQLite up while authapi runs, and that restore it."""

import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.project.debian import blocks
from tests.support.forked import ForkedServer
from tests.support.settings import CHEAP_HASHES, NO_LIMITS

BACKUP, RESTORE = blocks("operations.md")["SQLite"]
ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


def run(block: str, folder: Path) -> None:
    subprocess.run(["bash", "-euc", block], cwd=folder, check=True, timeout=60)


def log_in(client: httpx.Client) -> dict[str, Any]:
    answer = client.post("/login", json=ADA)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refresh(client: httpx.Client, pair: dict[str, Any]) -> int:
    return client.post("/refresh", json={"refresh_token": pair["refresh_token"]}).status_code


def bearer(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}"}


def test_a_restored_file_logs_in_and_revives_no_session(tmp_path: Path) -> None:
    server = ForkedServer(tmp_path, **CHEAP_HASHES, **NO_LIMITS)
    with server, server.client() as client:
        assert client.post("/register", json=ADA).status_code == 201
        alive, ended = log_in(client), log_in(client)
        run(BACKUP, tmp_path)
        assert client.post("/logout", headers=bearer(ended)).status_code == 204
        server.kill()  # its write-ahead log stays behind
        assert (tmp_path / "authapi.db-wal").exists()
        run(RESTORE, tmp_path)
        server.start()
        assert [refresh(client, pair) for pair in (alive, ended)] == [401, 401]
        assert client.get("/me", headers=bearer(alive)).status_code == 401
        assert refresh(client, log_in(client)) == 200


def test_backup_and_restored_file_are_for_their_owner_alone(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, **CHEAP_HASHES, **NO_LIMITS) as server:
        run(BACKUP, tmp_path)
        server.kill()
        run(RESTORE, tmp_path)
        files = list(tmp_path.glob("*.db"))
        assert len(files) == 2
        assert all(path.stat().st_mode & 0o077 == 0 for path in files)
