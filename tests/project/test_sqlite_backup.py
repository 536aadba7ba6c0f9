"""The lines of docs/operations.md that back SQLite up while authapi runs, and that restore it."""

import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.project.debian import blocks
from tests.support.forked import ForkedServer
from tests.support.server import AUTHAPI
from tests.support.settings import CHEAP_HASHES, NO_LIMITS, environment
from tests.support.until import until

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


def verify(client: httpx.Client, pair: dict[str, Any]) -> int:
    return client.get("/verify", headers=bearer(pair)).status_code


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


def test_tokens_of_a_forgotten_session_end_with_their_key(tmp_path: Path) -> None:
    server = ForkedServer(tmp_path, **CHEAP_HASHES, **NO_LIMITS)
    with server, server.client() as client:
        assert client.post("/register", json=ADA).status_code == 201
        run(BACKUP, tmp_path)
        forgotten = log_in(client)
        assert client.post("/logout", headers=bearer(forgotten)).status_code == 204
        server.kill()
        run(RESTORE, tmp_path)
        server.start()
        assert verify(client, forgotten) == 204
        assert refresh(client, forgotten) == 401
        [key] = authapi(tmp_path, "keys", "list").splitlines()
        authapi(tmp_path, "keys", "compromised", key.split()[0])
        until(lambda: verify(client, forgotten) == 401, seconds=30, every=0.1)


def authapi(folder: Path, *arguments: str) -> str:
    command = [str(AUTHAPI), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(), check=True, capture_output=True, text=True
    ).stdout


def test_backup_and_restored_file_are_for_their_owner_alone(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, **CHEAP_HASHES, **NO_LIMITS) as server:
        run(BACKUP, tmp_path)
        server.kill()
        run(RESTORE, tmp_path)
        files = list(tmp_path.glob("*.db"))
        assert len(files) == 2
        assert all(path.stat().st_mode & 0o077 == 0 for path in files)
