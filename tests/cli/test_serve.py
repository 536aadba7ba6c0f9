"""`authapi serve` as a process: what it makes, says and finishes."""

import json
import os
import pty
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from authapi.cli.serve import _greet
from authapi.config import Settings
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import AUTHAPI, STOP_TIMEOUT, ServerProcess
from tests.support.settings import environment
from tests.support.until import until

BODY = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
HEAD = (
    b"POST /register HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n"
    b"Expect: 100-continue\r\n\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One that started in an empty folder with no settings at all."""
    with ServerProcess(tmp_path_factory.mktemp("empty")) as running:
        yield running


def log_lines(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.splitlines()]


def wait_for_line(server: ServerProcess, event: str) -> None:
    until(lambda: any(line["event"] == event for line in log_lines(server)), seconds=STOP_TIMEOUT)


def test_without_any_setting_it_makes_its_database_and_its_secret(server: ServerProcess) -> None:
    for name in ("authapi.db", "authapi.secret"):
        mode = (server.log_file.parent / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_away_from_a_terminal_each_line_is_json_with_a_utc_time(server: ServerProcess) -> None:
    lines = log_lines(server)
    assert {"signing_key_added", "database_migrated"} <= {line["event"] for line in lines}
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_each_line_of_a_request_has_the_id_of_its_answer(tmp_path: Path) -> None:
    # Its own server: the last line is written after the answer, and is there once it has ended.
    with ServerProcess(tmp_path) as server, server.client() as client:
        answer = client.post("/login", content=BODY, headers={"Content-Type": "application/json"})
        assert server.stop() == 0
    request_id = answer.headers["X-Request-ID"]
    lines = [line for line in log_lines(server) if line.get("request_id") == request_id]
    assert {line["event"] for line in lines} == {"login_failed", "request"}


def test_it_tells_nobody_what_it_is_made_of(server: ServerProcess) -> None:
    with server.client() as client:
        assert "server" not in client.get("/healthz").headers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_lets_what_is_under_way_finish(number: signal.Signals, tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        with closing(socket.create_connection(("127.0.0.1", server.port), 30)) as connection:
            connection.sendall(HEAD % len(BODY))
            assert connection.recv(100).startswith(b"HTTP/1.1 100")  # the route waits for the body
            os.kill(server.pid, number)
            wait_for_line(server, "Shutting down")
            connection.sendall(BODY)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 201")
        assert server.stop() == 0


def test_servers_that_start_at_one_moment_on_nothing_agree(tmp_path: Path) -> None:
    pair = [ServerProcess(tmp_path, "--workers", "2") for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as both:
            list(both.map(ServerProcess.start, pair))
        first, second = (each.client() for each in pair)
        with first, second:
            assert first.post("/register", json={"email": EMAIL, "password": PASSWORD}).is_success
            pairs = second.post("/login", json={"email": EMAIL, "password": PASSWORD}).json()
            bearer = {"Authorization": f"Bearer {pairs['access_token']}"}
            # Several times, so that each worker is asked.
            asked = [each.get("/verify", headers=bearer) for each in (first, second) * 6]
        assert {answer.status_code for answer in asked} == {204}
        assert [each.stop() for each in pair] == [0, 0]
    finally:
        for each in pair:
            each.kill()
    with closing(connect(tmp_path / "authapi.db")) as database:
        assert database.execute("SELECT count(*) FROM signing_keys").fetchone() == (1,)


@pytest.mark.parametrize(
    ("public_url", "port", "is_another"),
    [
        ("http://localhost", 80, False),
        ("https://localhost", 443, False),
        ("http://localhost", 8000, True),
        ("http://localhost:8000", 80, True),
    ],
)
def test_the_greeting_tells_of_another_port(
    public_url: str, port: int, is_another: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _greet(Settings(public_url=public_url), "127.0.0.1", port)
    assert (f"whose port is not {port}" in capsys.readouterr().err) is is_another


def test_on_a_terminal_it_greets_in_seven_lines(tmp_path: Path) -> None:
    port = ServerProcess(tmp_path).port
    public_url = f"http://localhost:{port}"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [AUTHAPI, "serve", "--port", str(port)],
        cwd=tmp_path,
        env=environment(public_url=public_url),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        shown = b""
        while b"startup complete" not in shown:
            shown += os.read(ours, 4096)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_TIMEOUT)
        os.close(ours)
    lines = [line.strip() for line in shown.decode().splitlines()]
    greeting = lines.index(f"authapi listens on http://127.0.0.1:{port}")
    assert [line.split() for line in lines[greeting + 1 : greeting + 7]] == [
        ["public", public_url],
        ["docs", f"{public_url}/docs"],
        ["database", "sqlite:///./authapi.db"],
        ["secret", "authapi.secret"],
        ["mails", "are", "not", "sent:", "see", "docs/mails.md"],
        ["stop", "Ctrl-C"],
    ]
    assert not any(line.startswith("{") for line in lines)
