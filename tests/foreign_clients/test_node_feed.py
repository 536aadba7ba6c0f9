"""docs/verify-elsewhere.md: Node's service follows the feed, or asks /verify, at a real authapi."""

import socket
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jwt
import pytest

from authapi.verifier.testing import TokenFactory
from tests.foreign_clients.judges import HERE, shown
from tests.support.api import EMAIL, PASSWORD
from tests.support.forked import ForkedServer
from tests.support.server import AUTHAPI, free_port
from tests.support.settings import SERVER, environment
from tests.support.until import until

ISSUER = "http://localhost:8000"  # the public URL by default: not where the server is
ADA = {"email": EMAIL, "password": PASSWORD, "resource": "reports"}
SETTINGS = {**SERVER, "audiences": "reports"}
PATIENCE = 30.0  # seconds: the machine may be busy
# It prints what becomes of each token that it reads.
JUDGE = """
import { createInterface } from "node:readline";
import { follow } from "./feed.mjs";
import { ask } from "./ask.mjs";
import { may, verify } from "./verify.mjs";

const [address, isFollowing] = process.argv.slice(2);
const { isRevoked, age } = isFollowing ? await follow(address) : {};
console.log(age?.() < 60 ? "follows" : "started");
const judge = async (token) => {
  const { claims, header } = await verify(`Bearer ${token}`);
  if (isRevoked?.(claims, header)) return "revoked";
  return may(claims, "reports:write") ? "writes" : "reads";
};
for await (const line of createInterface({ input: process.stdin })) {
  const [token, scope] = line.split(" ");
  const answers = [await judge(token).catch(({ status }) => status)];
  const { status, sub, challenge } = await ask(`Bearer ${token}`, scope);
  console.log(...answers, status, sub || "-", challenge ? "challenged" : "-");
}
"""


class NodeService:
    """The page's three blocks as one process, which judges a token at a time."""

    def __init__(self, folder: Path, address: str, issuer: str, *, follows: bool = True) -> None:
        folder.mkdir()
        (folder / "node_modules").symlink_to(HERE / "node_modules")
        verify = shown("Node: jose").replace("= issuer;", f'= "{address}";')
        files = {
            "verify.mjs": verify.replace("https://auth.example", issuer),
            "feed.mjs": shown("Node: the feed"),
            "ask.mjs": shown("Node: ask authapi").replace("http://authapi:8000", address),
            "judge.mjs": JUDGE,
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        command = ["node", "judge.mjs", address, *(["follow"] if follows else [])]
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "NodeService":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def said(self) -> str:
        """Return the next line that it prints, "" if it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def judges(self, token: str, scope: str = "") -> list[str]:
        """Return the judgement by the feed, then status, subject and challenge of /verify."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{token} {scope}\n")
        self._process.stdin.flush()
        return self.said().split(" ")

    def ends(self) -> tuple[int, str]:
        _, error = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, error


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkedServer]:
    folder = tmp_path / "authapi"
    folder.mkdir()
    with ForkedServer(folder, **SETTINGS) as server:
        with server.client() as client:
            registered = {"email": EMAIL, "password": PASSWORD}
            client.post("/register", json=registered).raise_for_status()
        yield server


@pytest.fixture
def service(server: ForkedServer, tmp_path: Path) -> Iterator[NodeService]:
    with NodeService(tmp_path / "node", server.base_url, ISSUER) as service:
        assert service.said() == "follows"
        yield service


def post(server: ForkedServer, path: str, **sent: Any) -> httpx.Response:
    with server.client() as client:
        return client.post(path, **sent).raise_for_status()


def log_in(server: ForkedServer) -> dict[str, Any]:
    return dict(post(server, "/login", json=ADA).json())


def refresh(server: ForkedServer, pair: dict[str, Any]) -> dict[str, Any]:
    body = {"refresh_token": pair["refresh_token"], "resource": "reports"}
    return dict(post(server, "/refresh", json=body).json())


def kid_of(pair: dict[str, Any]) -> str:
    return str(jwt.get_unverified_header(pair["access_token"])["kid"])


def operate(tmp_path: Path, *arguments: str) -> None:
    subprocess.run(
        [str(AUTHAPI), *arguments],
        cwd=tmp_path / "authapi",
        env=environment(**SETTINGS),
        check=True,
        capture_output=True,
    )


def becomes(service: NodeService, token: str, judgement: str) -> None:
    until(lambda: service.judges(token)[0] == judgement, seconds=PATIENCE, every=0.05)


def test_a_log_out_counts(server: ForkedServer, service: NodeService) -> None:
    token = log_in(server)["access_token"]
    subject = jwt.decode(token, options={"verify_signature": False})["sub"]
    assert service.judges(token) == ["reads", "204", subject, "-"]
    assert service.judges(token, "reports:write") == ["reads", "403", "-", "challenged"]
    post(server, "/logout", headers={"Authorization": f"Bearer {token}"})
    assert service.judges(token)[1:] == ["401", "-", "challenged"]
    becomes(service, token, "revoked")


def test_a_change_of_scopes_counts(
    server: ForkedServer, service: NodeService, tmp_path: Path
) -> None:
    pair = log_in(server)
    assert service.judges(pair["access_token"])[0] == "reads"
    operate(tmp_path, "users", "scopes", EMAIL, "--scope", "reports:write")
    becomes(service, pair["access_token"], "revoked")
    newer = refresh(server, pair)["access_token"]
    assert service.judges(newer, "reports:write")[:2] == ["writes", "204"]


def test_a_compromised_key_signs_nothing_more(
    server: ForkedServer, service: NodeService, tmp_path: Path
) -> None:
    pair = log_in(server)
    assert service.judges(pair["access_token"])[0] == "reads"
    stolen = kid_of(pair)
    operate(tmp_path, "keys", "compromised", stolen)
    until(lambda: service.judges(pair["access_token"])[0] in {"revoked", "401"}, seconds=PATIENCE)
    until(lambda: kid_of(log_in(server)) != stolen, seconds=PATIENCE, every=0.05)
    becomes(service, log_in(server)["access_token"], "reads")


def test_what_happened_while_authapi_was_away_counts_when_it_is_back(
    server: ForkedServer, service: NodeService, tmp_path: Path
) -> None:
    token = log_in(server)["access_token"]
    assert service.judges(token)[0] == "reads"
    server.kill()
    operate(tmp_path, "users", "sign-out", EMAIL)
    assert service.judges(token) == ["reads", "503", "-", "-"]  # it goes on with what it knows
    server.start()
    becomes(service, token, "revoked")
    again = log_in(server)["access_token"]
    assert service.judges(again)[0] == "reads"


def test_without_authapi_the_service_does_not_start(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with NodeService(tmp_path / "node", nobody, ISSUER) as service:
        status, error = service.ends()
    assert status == 1
    assert "fetch failed" in error


class Nonsense(BaseHTTPRequestHandler):
    """Answers the keys with what its server has as `told`: a status and a body."""

    def do_GET(self) -> None:
        status, body = self.server.told  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    "told", [(502, b"{}"), (200, b"<h1>Log in to the hotel</h1>"), (200, b"{}"), None]
)
def test_keys_that_can_not_be_fetched_are_no_reason_to_log_in_again(
    told: tuple[int, bytes] | None, tmp_path: Path
) -> None:
    """None: nobody answers at all."""
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Nonsense)
    server.told = told  # type: ignore[attr-defined]
    address = f"http://127.0.0.1:{server.server_address[1]}"
    if told:
        Thread(target=server.serve_forever, daemon=True).start()
    else:
        server.server_close()
    token = TokenFactory(ISSUER, "reports").token("ada")
    with NodeService(tmp_path / "node", address, ISSUER, follows=False) as service:
        assert service.said() == "started"
        assert service.judges(token)[0] == "503"
        assert service.judges("nonsense")[0] == "401"
    if told:
        server.shutdown()
        server.server_close()


def test_keys_that_never_come_are_an_outage(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        token = TokenFactory(ISSUER, "reports").token("ada")
        with NodeService(tmp_path / "node", address, ISSUER, follows=False) as service:
            assert service.said() == "started"
            assert service.judges(token)[:2] == ["503", "503"]
