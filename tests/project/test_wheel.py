"""The package as others get it: built, installed into an empty environment, serving from there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from tests.project.dockerfile import Image
from tests.project.server import Server, serving
from tests.project.tree import ROOT

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


@pytest.fixture
def server(image: Image, empty_folder: Path) -> Iterator[Server]:
    command = image.command(["authapi", "serve", "--port", "0"])
    with serving(command, empty_folder, image.env) as running:
        yield running


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_environment_holds_the_locked_packages_and_the_wheel_only(image: Image) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {line.split()[0] for line in lock.splitlines() if "==" in line}
    listing = "from importlib.metadata import distributions as all_\n"
    listing += "for one in all_(): print(f'{one.name.lower()}=={one.version}')"
    python = str(image.place("/opt/authapi/bin/python"))
    printed = subprocess.run(
        [python, "-I", "-c", listing], check=True, capture_output=True, text=True
    ).stdout
    installed = {line.replace("_", "-") for line in printed.split()}
    assert installed - locked == {"authapi==0.1.0"}
    assert locked - installed == set()


def test_the_installed_package_logs_in_over_http(server: Server) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.post("/register", json=ADA).status_code == 201
        tokens = client.post("/login", json=ADA).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert client.get("/me", headers=bearer).json()["email"] == ADA["email"]


def test_a_server_that_is_told_to_stop_exits_with_0(server: Server) -> None:
    assert server.terminate() == 0


def test_what_it_keeps_is_for_its_owner_alone(server: Server, empty_folder: Path) -> None:
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
        "authapi/web/client.js",
    }


def _files(folder: str, target: str) -> Iterator[str]:
    for path in (ROOT / folder).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{target}/{path.relative_to(ROOT / folder)}"
