"""The package as others get it: built, installed into an empty environment, serving from there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from authapi.web.routers.client_script import MODULES
from tests.project.conftest import clean_environment
from tests.project.tree import ROOT
from tests.support.server import Program, free_port

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


@pytest.fixture
def server(installed: Path, empty_folder: Path) -> Iterator[Program]:
    port = free_port()
    command = [str(installed / "bin/authapi"), "serve", "--port", str(port)]
    with Program(command, empty_folder, clean_environment(), port) as running:
        yield running


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_environment_holds_the_locked_packages_and_the_wheel_only(installed: Path) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {line.split()[0] for line in lock.splitlines() if "==" in line}
    listing = "from importlib.metadata import distributions as all_\n"
    listing += "for one in all_(): print(f'{one.name.lower()}=={one.version}')"
    python = str(installed / "bin/python")
    printed = subprocess.run(
        [python, "-I", "-c", listing], check=True, capture_output=True, text=True
    ).stdout
    there = {line.replace("_", "-") for line in printed.split()}
    assert there - locked == {"authapi==0.1.0"}
    assert locked - there == set()


def test_the_installed_package_logs_in_over_http(server: Program) -> None:
    with server.client() as client:
        assert client.post("/register", json=ADA).status_code == 201
        tokens = client.post("/login", json=ADA).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert client.get("/me", headers=bearer).json()["email"] == ADA["email"]


def test_a_server_that_is_told_to_stop_exits_with_0(server: Program) -> None:
    assert server.stop() == 0


def test_what_it_keeps_is_for_its_owner_alone(server: Program, empty_folder: Path) -> None:
    assert mode(empty_folder / "authapi.secret") == 0o600
    assert mode(empty_folder / "authapi.db") == 0o600


def test_the_wheel_made_from_the_source_archive_has_every_file(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in ZipFile(wheel).namelist() if name.startswith("authapi/")}
    assert packed == {
        *_files("src/authapi", "authapi"),
        *_files("alembic", "authapi/alembic"),
        *(f"authapi/web/client/{name}" for name in MODULES),
    }


def _files(folder: str, target: str) -> Iterator[str]:
    for path in (ROOT / folder).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{target}/{path.relative_to(ROOT / folder)}"
