"""The Makefile as a newcomer meets it, who reads README.md."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.project.clone import copy_to, environment, furnish
from tests.project.tree import ROOT
from tests.support.server import Program, free_port
from tests.support.tour import Step, run_in_bash
from tests.support.until import until


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment(), capture_output=True, text=True
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The repository in a folder with a space in its name."""
    folder = tmp_path / "a clone"
    copy_to(folder)
    return folder


@pytest.fixture
def furnished(clone: Path) -> Path:
    """The clone with an environment that sees this one's packages: no downloads."""
    furnish(clone)
    return clone


def python_that(folder: Path, script: str) -> str:
    path = folder / "python-stand-in"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return f"PYTHON=./{path.name}"


def test_make_alone_lists_the_targets() -> None:
    listed = [line.split()[1] for line in make(ROOT).stdout.splitlines()]
    assert listed == [
        "run",
        "test",
        "test-browser",
        "test-clients",
        "test-faults",
        "soak",
        "test-fuzz",
        "example-spa",
        "example-pages",
        "example-nginx",
        "example-api",
        "bench",
        "bench-growth",
        "check",
        "audit",
        "fix",
        "migrate",
        "wheel",
        "lock",
        "bench-lock",
    ]


def test_an_older_python_is_refused_with_a_sentence(clone: Path) -> None:
    refused = make(clone, "run", python_that(clone, "exit 1"))
    assert refused.returncode == 2
    assert "authapi needs Python 3.11 or newer" in refused.stderr
    assert not (clone / ".venv").exists()


def test_a_python_without_venv_is_refused_with_a_sentence(clone: Path) -> None:
    script = 'case "$2" in *ensurepip*) exit 1;; esac'
    refused = make(clone, "run", python_that(clone, script))
    assert refused.returncode == 2
    assert "apt install python3-venv" in refused.stderr


def test_make_run_migrates_and_serves_the_clone(furnished: Path) -> None:
    port = free_port()
    with (
        Program(["make", "run", f"PORT={port}"], furnished, environment(), port) as server,
        server.client() as client,
    ):
        assert client.get("/readyz").status_code == 200
        metadata = client.get("/.well-known/oauth-authorization-server").json()
        assert metadata["issuer"] == f"http://localhost:{port}"
        body = {"email": "ada@example.com", "password": "correct horse battery staple"}
        assert client.post("/register", json=body).status_code == 201
        until(lambda: any((furnished / "mail").glob("*.eml")), every=0.1)
    assert (furnished / "authapi.db").exists()
    assert make(furnished, "--question", ".venv/run.stamp").returncode == 0


def test_a_changed_lock_is_installed_at_the_next_run(furnished: Path) -> None:
    stamp = furnished / ".venv" / "run.stamp"
    stamp.touch()
    assert make(furnished, "--question", str(stamp.relative_to(furnished))).returncode == 0
    later = stamp.stat().st_mtime + 1
    os.utime(furnished / "requirements.lock", (later, later))
    assert make(furnished, "--question", str(stamp.relative_to(furnished))).returncode == 1


@pytest.mark.parametrize(("ci", "says"), [("", True), ("true", False)])
def test_pip_says_what_it_does_on_a_terminal_but_not_in_ci(
    clone: Path, ci: str, *, says: bool
) -> None:
    on_terminal = {**environment(), "CI": ci, "TERM": "xterm"}
    step = Step(f"make -C '{clone}' --dry-run run", "")
    [planned] = run_in_bash([step], on_terminal)
    assert "-m pip install" in planned
    assert ("--quiet" not in planned) is says


def test_pip_says_nothing_in_a_log(clone: Path) -> None:
    planned = make(clone, "--dry-run", "run").stdout
    installs = [line for line in planned.splitlines() if "-m pip install" in line]
    assert len(installs) == 2
    assert all("--quiet" in line for line in installs)


def test_make_wheel_gathers_what_a_server_needs(furnished: Path) -> None:
    (furnished / ".venv/run.stamp").touch()
    (furnished / "dist").mkdir()
    (furnished / "dist/authapi-0.0.1-py3-none-any.whl").touch()
    done = make(furnished, "wheel")
    assert done.returncode == 0, done.stderr
    dist = {path.name: path for path in (furnished / "dist").iterdir()}
    assert dist.keys() == {"authapi-0.1.0-py3-none-any.whl", "requirements.lock"}
    assert dist["requirements.lock"].read_bytes() == (ROOT / "requirements.lock").read_bytes()


def test_a_clone_that_was_moved_makes_its_environment_anew(furnished: Path) -> None:
    (furnished / ".venv/made-in").write_text("elsewhere\n", encoding="utf-8")
    planned = make(furnished, "--dry-run", "run").stdout
    assert "-m venv --clear .venv" in planned
    (furnished / ".venv/made-in").write_text(f"{furnished.resolve()}\n", encoding="utf-8")
    assert "-m venv" not in make(furnished, "--dry-run", "run").stdout
