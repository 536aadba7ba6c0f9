"""The OpenAPI document: three generators make clients of it that compile and serve a session."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.browser.processes import authapi
from tests.project.tree import ROOT
from tests.support.server import free_port

HERE = Path(__file__).parent / "generators"
NODE_PROGRAMS = HERE / "node_modules" / ".bin"
PYTHON_PROGRAMS = ROOT / ".venv-clients" / "bin"
STRICT = ("--strict", "--target", "es2022", "--module", "nodenext", "--pretty", "false")
LIBRARIES = ("--lib", "es2022,dom,dom.iterable", "--types", "node")
TYPES = ("--typeRoots", str(HERE / "node_modules" / "@types"))


class Served(NamedTuple):
    url: str
    document: bytes


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port = free_port()
    url = f"http://localhost:{port}"
    with authapi(tmp_path_factory.mktemp("authapi"), port, public_url=url):
        yield Served(url, httpx.get(f"{url}/openapi.json", trust_env=False).content)


@pytest.fixture
def project(service: Served, tmp_path: Path) -> Path:
    """Return the folder of somebody who has the document and the generators."""
    (tmp_path / "openapi.json").write_bytes(service.document)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    for path in HERE.glob("*.*"):
        if path.suffix in {".ts", ".mjs", ".yaml"}:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def run(project: Path, program: Path | str, *arguments: str) -> str:
    """Return what the program prints. It has to succeed."""
    done = subprocess.run(
        [str(program), *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def session_of(client: str, true: str = "true") -> list[str]:
    return [
        f"register 201 {client}@example.com",
        "wrong password 401 invalid_credentials",
        "no name 422 Give one of email and username",
        f"refresh 200 {true}",
        f"me 200 {client}@example.com",
        f"sessions 200 {true}",
        "logout 204",
        "me 401 invalid_token",
    ]


def test_a_linter_finds_nothing(project: Path) -> None:
    run(project, NODE_PROGRAMS / "spectral", "lint", "--fail-severity=hint", "openapi.json")


def test_openapi_typescript_and_openapi_fetch(project: Path, service: Served) -> None:
    run(project, NODE_PROGRAMS / "openapi-typescript", "openapi.json", "-o", "schema.d.ts")
    run(project, NODE_PROGRAMS / "tsc", *STRICT, *LIBRARIES, *TYPES, "usage_fetch.ts")
    assert run(project, "node", "usage_fetch.js", service.url).splitlines() == session_of("fetch")


def test_orval(project: Path) -> None:
    run(project, NODE_PROGRAMS / "orval")
    run(project, NODE_PROGRAMS / "tsc", *STRICT, *LIBRARIES, *TYPES, "usage_orval.ts")
    assert run(project, "node", "usage_orval.js").splitlines() == session_of("orval")


def test_openapi_python_client(project: Path, service: Served) -> None:
    into = ("--output-path=authapi_client", "--meta=none", "--config=python.yaml")
    command = ("generate", "--path=openapi.json", *into, "--fail-on-warning")
    run(project, PYTHON_PROGRAMS / "openapi-python-client", *command)
    (project / "authapi_client" / "usage.py").write_bytes((HERE / "usage.py").read_bytes())
    run(project, PYTHON_PROGRAMS / "mypy", "--strict", "authapi_client")
    program = ("-m", "authapi_client.usage", service.url)
    printed = run(project, PYTHON_PROGRAMS / "python", *program).splitlines()
    assert printed == session_of("python", "True")
