"""What the pages show of requests and answers is what a running authapi takes and gives.

docs/administration.md, docs/errors.md, docs/factors.md, docs/http.md, docs/mails.md,
docs/refresh.md, docs/revocation.md, docs/tokens.md, docs/transports.md.
"""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from authapi.testing import PASSWORD, AuthServer, authapi_server
from tests.project.test_shell_snippets import run
from tests.support.server import AUTHAPI, Program, free_port
from tests.support.settings import CHEAP_HASHES, environment
from tests.support.snippets import shown
from tests.support.tour import run_in_bash, steps_of

ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(scope="module")
def server() -> Iterator[AuthServer]:
    """Yield an authapi that has the setting of docs/tokens.md."""
    with authapi_server(serve=True, audiences="reports,https://billing.example/api") as running:
        httpx.post(f"{running.url}/register", json=ADA, trust_env=False).raise_for_status()
        yield running


@pytest.fixture
def client(server: AuthServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def log_in(client: httpx.Client) -> Any:
    return client.post("/login", json=ADA).raise_for_status().json()


def walk(text: str, folder: Path, places: dict[str, str]) -> None:
    """Run a page's consoles and compare what they print."""
    for place, here in places.items():
        assert place in text
        text = text.replace(place, here)
    tools = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "*", "TERM": "xterm"}
    steps = steps_of(text)
    printed = run_in_bash(steps, tools)
    assert len(printed) == len(steps) > 0
    for step, got in zip(steps, printed, strict=True):
        assert step.fits(got), f"$ {step.command}\nshould print\n{step.printed}\nnot\n{got}"


def consoles(page: str) -> str:
    return "".join(f"```console\n{block}```\n" for block in shown(page, "console"))


@pytest.mark.parametrize("page", ["docs/http.md", "docs/revocation.md"])
def test_a_console_prints_what_its_page_says(
    server: AuthServer, client: httpx.Client, tmp_path: Path, page: str
) -> None:
    """docs/revocation.md shows one session that has ended."""
    bearer = {"Authorization": f"Bearer {log_in(client)['access_token']}"}
    feed = client.get("/revocations").json()
    if not feed["sessions"]:
        client.post("/logout", headers=bearer).raise_for_status()
    host = server.url.removeprefix("http://")
    walk(consoles(page), tmp_path, {"localhost:8000": host})


def test_an_administrator_disables_a_user(tmp_path: Path) -> None:
    _, requests = shown("docs/administration.md", "console", "Administration")
    with authapi_server(serve=True) as server:
        ada = server.client(ADA["email"]).get("/me").json()["id"]
        root = server.client("root@example.com", scopes=["authapi:admin"])
        places = {"localhost:8000": server.url.removeprefix("http://")}
        places |= {"p4RQpYBpOU1R1Hn0nUdM2Q": ada}
        places |= {"Bearer …": root.headers["Authorization"]}
        walk(f"```console\n{requests}```\n", tmp_path, places)


@pytest.mark.skipif(shutil.which("oathtool") is None, reason="apt-get install oathtool")
def test_a_second_factor_is_added_and_asked_for(tmp_path: Path) -> None:
    with authapi_server(serve=True) as server:
        httpx.post(f"{server.url}/register", json=ADA, trust_env=False).raise_for_status()
        places = {"localhost:8000": server.url.removeprefix("http://")}
        walk(consoles("docs/factors.md"), tmp_path, places)


def test_a_refusal_has_the_body_of_the_page(client: httpx.Client) -> None:
    (block,) = shown("docs/errors.md", "json")
    token = log_in(client)["refresh_token"]
    answer = client.post("/refresh", json={"refresh_token": f"{token[:-4]}AAAA"})
    assert answer.json() == json.loads(block)


def test_a_log_in_chooses_its_transport(server: AuthServer, client: httpx.Client) -> None:
    (block,) = shown("docs/transports.md", "json")
    body = json.loads(block.replace("…", PASSWORD))
    answer = client.post("/login", json=body, headers={"Origin": server.url})
    assert answer.status_code == 200, answer.text
    assert set(answer.cookies) == {"authapi-access", "authapi-refresh"}
    assert "access_token" not in answer.json()


def test_a_token_is_for_the_service_that_was_named(client: httpx.Client) -> None:
    first, second = shown("docs/tokens.md", "json")
    pair = client.post("/login", json=json.loads(first.replace("…", PASSWORD))).json()
    assert audience(pair) == "reports"
    next_one = client.post("/refresh", json=json.loads(second.replace("…", pair["refresh_token"])))
    assert audience(next_one.json()) == "reports"


def audience(pair: dict[str, str]) -> str:
    payload = pair["access_token"].split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["aud"])


def test_the_command_of_the_page_refreshes(
    server: AuthServer, client: httpx.Client, tmp_path: Path
) -> None:
    (block,) = shown("docs/refresh.md", "sh")
    given = {"A": server.url, "token": log_in(client)["refresh_token"], "key": "k" * 32}
    assigned = "".join(f"{name}='{value}'\n" for name, value in given.items())
    assert set(json.loads(run(assigned + block, tmp_path))) >= {"access_token", "refresh_token"}


def test_a_mail_is_written_to_the_folder(tmp_path: Path) -> None:
    """docs/mails.md: the server as its first block starts it, and the second beside it."""
    (block,) = shown("docs/mails.md", "sh")
    port = free_port()
    command = ["bash", "-c", f"exec env {block.strip()} --port {port}"]
    with Program(command, tmp_path, tools(**CHEAP_HASHES), port):
        walk(consoles("docs/mails.md"), tmp_path, {"localhost:8000": f"localhost:{port}"})


def tools(**settings: object) -> dict[str, str]:
    """Return an environment whose PATH has `authapi`."""
    return environment(**settings) | {"PATH": f"{AUTHAPI.parent}{os.pathsep}{os.environ['PATH']}"}
