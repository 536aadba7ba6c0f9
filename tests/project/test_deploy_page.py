"""docs/deploy.md, word by word: what it types is run on a stand-in for its machine."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.project.conftest import STEPS
from tests.project.debian import NGINX, Machine, blocks
from tests.project.tree import ROOT
from tests.support.postgresql import PostgreSQL
from tests.support.until import until

PAGE = blocks("deploy.md")
BACKUP, RESTORE = blocks("operations.md")["PostgreSQL"][-2:]
BEFORE_SERVICE = ("Build", "Install", "Database", "Settings")
PASSWORD = "correct horse battery staple"
ADA = {"email": "ada@example.com", "password": PASSWORD}

pytestmark = pytest.mark.skipif(
    not Path(NGINX).exists(), reason="there is no nginx here: apt-get install nginx"
)


@pytest.fixture(scope="module")
def walk(postgresql: PostgreSQL) -> Iterator[tuple[Machine, dict[str, str]]]:
    """Walk the page from its beginning to the first account; yield what each part printed."""
    with tempfile.TemporaryDirectory(prefix="authapi-debian-") as folder:
        machine = Machine(Path(folder), postgresql)
        try:
            printed = {
                part: "".join(map(machine.run, PAGE[part]))
                for part in (*BEFORE_SERVICE, "Service", "TLS and nginx")
            }
            create, log_in = PAGE["The first account"]
            # Here is no terminal to ask on.
            from_stdin = f"{create.rstrip()} --password-stdin"
            printed["create"] = machine.run(from_stdin, typed=f"{PASSWORD}\n")
            printed["log in"] = machine.run(log_in)
            yield machine, printed
        finally:
            machine.stop()
            for statement in ("DROP DATABASE authapi WITH (FORCE)", "DROP ROLE authapi"):
                postgresql.execute(statement)


@pytest.fixture
def machine(walk: tuple[Machine, dict[str, str]]) -> Machine:
    return walk[0]


def client(machine: Machine, port: str = "8000") -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{machine.ports[port]}", trust_env=False)


def log_in(machine: Machine) -> dict[str, Any]:
    with client(machine) as http:
        answer = http.post("/login", json=ADA)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refresh(machine: Machine, pair: dict[str, Any], port: str = "8000") -> int:
    with client(machine, port) as http:
        body = {"refresh_token": pair["refresh_token"]}
        return http.post("/refresh", json=body).status_code


def wait_until_ready(machine: Machine, port: str = "8000") -> None:
    def is_ready() -> bool:
        try:
            with client(machine, port) as http:
                return http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    until(is_ready, seconds=60, every=0.05)


def test_the_walk_ends_with_a_log_in_over_tls(walk: tuple[Machine, dict[str, str]]) -> None:
    _, printed = walk
    assert json.loads(printed["Service"])["status"] == "ready"
    assert re.match(r"Created ada@example.com with the id \w+", printed["create"])
    pair = json.loads(printed["log in"])
    assert (pair["token_type"], pair["scope"]) == ("Bearer", "authapi:admin")


def test_the_service_runs_as_the_page_says(machine: Machine) -> None:
    assert "systemctl enable --now authapi" in machine.done()
    assert any(line.startswith("useradd --system ") for line in machine.done())
    files = {path.name: path.stat().st_mode & 0o777 for path in machine.root.glob("etc/authapi/*")}
    assert files["secrets"] == 0o700
    secret = machine.root / "etc/authapi/secrets/AUTHAPI_SECRET"
    assert secret.stat().st_mode & 0o777 == 0o600


def test_pip_takes_the_steps_of_the_dockerfile_which_are_run(machine: Machine) -> None:
    installed = [line.split(" install ")[1] for line in machine.done() if line.startswith("pip ")]
    packages, wheel = (step.split(" install ")[1] for step in (STEPS[1], STEPS[-1]))
    assert installed[0] == packages.replace("requirements.lock", "dist/requirements.lock")
    pattern = wheel.format(root="").replace("/dist/", "dist/").replace("*", ".+")
    assert re.fullmatch(pattern, installed[1])


def test_the_command_takes_the_settings_of_the_service(machine: Machine) -> None:
    printed = machine.run("sudo authapi config")
    assert "AUTHAPI_PUBLIC_URL=https://auth.example/auth\n" in printed
    assert "AUTHAPI_DATABASE_URL=postgresql+psycopg:///authapi?host=" in printed
    assert "ada@example.com" in machine.run("sudo authapi users list")


def test_there_is_a_certificate_to_try_with(machine: Machine) -> None:
    assert (machine.root / "etc/ssl/auth.example.key").stat().st_mode & 0o777 == 0o600
    checked = machine.run(
        "openssl x509 -checkhost auth.example -noout -in /etc/ssl/auth.example.pem"
    )
    assert "does match" in checked


def test_authapi_is_behind_nginx(machine: Machine) -> None:
    ask = "curl --silent --output /dev/null --write-out '%{http_code}' https://auth.example/"
    assert machine.run(ask + "auth/healthz") == "200"
    for kept in ("metrics", "readyz", "docs", "verify"):
        assert machine.run(f"{ask}auth/{kept}") == "404"
    assert machine.run(ask + "api/x") == "401"


def test_an_upgrade_and_the_way_back_keep_sessions(machine: Machine) -> None:
    link = machine.root / "opt/authapi"
    first, pair = link.readlink(), log_in(machine)
    upgrade, downgrade = PAGE["Upgrade and downgrade"]
    machine.run(PAGE["Install"][-1] + upgrade)
    wait_until_ready(machine)
    assert link.readlink() != first
    assert refresh(machine, pair) == 200
    pair = log_in(machine)
    machine.run(downgrade)
    wait_until_ready(machine)
    assert link.readlink() == first
    assert refresh(machine, pair) == 200
    machine.run(PAGE["Install"][-1] + upgrade + downgrade)  # of three, the second was bad
    assert link.readlink() == first
    wait_until_ready(machine)


def test_a_restored_database_logs_in_and_revives_no_session(machine: Machine) -> None:
    alive, ended = log_in(machine), log_in(machine)
    machine.run(BACKUP)
    with client(machine) as http:
        bearer = {"Authorization": f"Bearer {ended['access_token']}"}
        assert http.post("/logout", headers=bearer).status_code == 204
    machine.run(RESTORE)
    wait_until_ready(machine)
    assert refresh(machine, ended) == 401
    assert refresh(machine, alive) == 401
    with client(machine) as http:
        bearer = {"Authorization": f"Bearer {alive['access_token']}"}
        assert http.get("/me", headers=bearer).status_code == 401
    assert refresh(machine, log_in(machine)) == 200


def test_two_processes_take_turns(machine: Machine) -> None:
    """The last one: it replaces the unit."""
    pair = log_in(machine)
    [block] = PAGE["Without a pause"]
    machine.run(block)
    for port in ("8000", "8001"):
        wait_until_ready(machine, port)
    assert refresh(machine, pair, "8001") == 200
    machine.run(f"sudo systemctl stop {machine.placed('authapi@8000')}")
    body = json.dumps(ADA)
    again = f"curl --silent --fail https://auth.example/auth/login --json '{body}'"
    for _ in range(4):
        assert "access_token" in machine.run(again)


def test_every_block_of_the_page_is_run() -> None:
    run = {*BEFORE_SERVICE, "Service", "TLS and nginx", "The first account"}
    run |= {"Upgrade and downgrade", "Without a pause"}
    assert PAGE.keys() == run
    text = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    assert text.count("```sh\n") == sum(map(len, PAGE.values()))
