"""The Dockerfile: its text, and what it runs. conftest.py runs the steps of its first stage."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.conftest import LOCKS, SOURCES, STEPS, clean_environment
from tests.project.tree import ROOT
from tests.support.server import Program, free_port

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
BUILD, FINAL = (stage.splitlines() for stage in "\n".join(LINES).split("\nFROM "))
PORT = "8000"


def all_of(verb: str, lines: list[str]) -> list[str]:
    return [line.removeprefix(f"{verb} ") for line in lines if line.startswith(f"{verb} ")]


def only(verb: str) -> str:
    """Return what the image's one line with that verb says."""
    [said] = all_of(verb, FINAL)
    return said


def command_of(words: list[str], installed: Path) -> list[str]:
    """Return the command with the path of the installed program."""
    return [str(installed / "bin" / words[0]), *words[1:]]


@pytest.fixture
def container(installed: Path, empty_folder: Path) -> Iterator[Program]:
    """Run ENTRYPOINT and CMD, but on loopback and a free port."""
    words = [*json.loads(only("ENTRYPOINT")), *json.loads(only("CMD"))]
    assert words == ["authapi", "serve", "--host", "0.0.0.0", "--port", PORT]
    assert only("EXPOSE") == PORT
    port = free_port()
    words[3], words[5] = "127.0.0.1", str(port)
    command = command_of(words, installed)
    with Program(command, empty_folder, clean_environment(), port) as running:
        yield running


def check_health(installed: Path, port: int) -> int:
    """Run HEALTHCHECK's command against another port; return its exit status."""
    _, _, command = only("HEALTHCHECK").partition("CMD ")
    assert PORT in command
    words = command_of(json.loads(command.replace(PORT, str(port))), installed)
    return subprocess.run(words, env=clean_environment(), capture_output=True).returncode


def test_the_container_serves_and_is_healthy_until_it_is_stopped(
    installed: Path, container: Program, empty_folder: Path
) -> None:
    assert check_health(installed, container.port) == 0
    assert (empty_folder / "authapi.db").exists()  # in /data, migrated
    assert container.stop() == 0
    assert check_health(installed, container.port) != 0


def test_it_runs_as_a_user_with_a_fixed_number_that_owns_its_folder() -> None:
    assert only("USER") == "10001:10001"
    (useradd,) = [text for text in all_of("RUN", FINAL) if text.startswith("useradd ")]
    for option in ("--uid 10001", "--user-group", "--create-home", "--home-dir /data"):
        assert option in useradd
    assert only("WORKDIR") == only("VOLUME") == "/data"


def test_the_first_stage_takes_the_steps_that_the_tests_take() -> None:
    words = {"python": "python", "pip": "python -m pip", "root": ""}
    assert all_of("RUN", BUILD) == [step.format(**words) for step in STEPS]


def test_the_image_gets_the_environment_of_the_first_stage_at_its_path_and_nothing_else() -> None:
    assert all_of("COPY", FINAL) == ["--from=build /opt/authapi /opt/authapi"]
    assert only("ENV") == "PATH=/opt/authapi/bin:$PATH"
    assert BUILD[0].removeprefix("FROM ") == f"{FINAL[0]} AS build"  # the same Python


def test_nothing_secret_can_get_into_the_image() -> None:
    files = {*LOCKS, "pyproject.toml", "README.md", "hatch_build.py"}
    folders = {"alembic", "clients", "src"}
    copied = [text.split() for text in all_of("COPY", BUILD)]
    assert {name for *names, _ in copied for name in names} == files | folders
    assert all(words == [words[0]] * 2 or words[-1] == "./" for words in copied)
    # All is ignored but what is copied: no .env, database, secret or .git; and no caches in it.
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    first, *taken, last = [line for line in ignore if line and not line.startswith("#")]
    assert (first, last) == ("*", "**/__pycache__")
    assert set(taken) == {f"!{name}" for name in (*LOCKS, *SOURCES)}
    settings = all_of("ENV", LINES) + all_of("ARG", LINES)
    assert [text for text in settings if re.search("AUTHAPI_|secret|password", text, re.I)] == []


def test_whatever_is_downloaded_is_held_by_a_hash() -> None:
    installs = [text for text in all_of("RUN", LINES) if " install " in text]
    assert len(installs) == 3
    assert all("--require-hashes" in text or "--no-index" in text for text in installs)


def test_the_image_has_no_pip_that_could_install_anything(installed: Path) -> None:
    assert not list((installed / "bin").glob("pip*"))


def test_migrate_is_a_command_of_the_container(installed: Path, tmp_path: Path) -> None:
    command = command_of([*json.loads(only("ENTRYPOINT")), "migrate"], installed)
    subprocess.run(command, cwd=tmp_path, env=clean_environment(), check=True)
    assert (tmp_path / "authapi.db").exists()
