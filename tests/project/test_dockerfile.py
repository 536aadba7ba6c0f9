"""The Dockerfile: each step that can be run without Docker is run, the rest is read."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.dockerfile import Image, is_ignored, read_steps
from tests.project.server import Server, serving
from tests.project.tree import ROOT

STEPS = read_steps((ROOT / "Dockerfile").read_text(encoding="utf-8"))
PORT = "8000"
EVERYWHERE = "0.0.0.0"


@pytest.fixture
def container(image: Image) -> Iterator[Server]:
    """ENTRYPOINT and CMD, but on loopback and a free port."""
    words = [*image.said["ENTRYPOINT"].words, *image.said["CMD"].words]
    assert words[words.index("--host") + 1] == EVERYWHERE
    assert words[words.index("--port") + 1] == image.said["EXPOSE"].text == PORT
    words = [{EVERYWHERE: "127.0.0.1", PORT: "0"}.get(word, word) for word in words]
    with serving(image.command(words), image.place("."), image.env) as running:
        yield running


def check_health(image: Image, port: str) -> int:
    """Run the image's HEALTHCHECK against another port; its exit status."""
    _, _, command = image.said["HEALTHCHECK"].text.partition("CMD ")
    assert PORT in command
    words = type(image.said["HEALTHCHECK"])("CMD", command.replace(PORT, port)).words
    return subprocess.run(image.command(words), env=image.env, capture_output=True).returncode


def test_the_container_serves_and_is_healthy_until_it_is_stopped(
    image: Image, container: Server
) -> None:
    port = container.url.rpartition(":")[2]
    assert check_health(image, port) == 0
    assert image.place("authapi.db").exists()  # in /data, migrated
    assert container.terminate() == 0
    assert check_health(image, port) != 0


def test_it_runs_as_a_user_with_a_fixed_number_that_owns_its_folder(image: Image) -> None:
    assert image.said["USER"].text == "10001:10001"
    (useradd,) = [step.text for step in STEPS if step.text.startswith("useradd ")]
    for option in ("--uid 10001", "--user-group", "--create-home", "--home-dir /data"):
        assert option in useradd
    assert image.said["WORKDIR"].text == image.said["VOLUME"].text == "/data"


def test_nothing_secret_can_get_into_the_image() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for path in (".env", "authapi.db", "authapi.secret", ".git/config", "src/a/__pycache__/a.pyc"):
        assert is_ignored(path, ignore), path
    settings = [step for step in STEPS if step.verb in {"ENV", "ARG"}]
    assert [
        step for step in settings if re.search("AUTHAPI_|secret|password", step.text, re.I)
    ] == []


def test_whatever_is_downloaded_is_held_by_a_hash() -> None:
    installs = [step.text for step in STEPS if " install " in step.text]
    assert len(installs) == 3
    assert all("--require-hashes" in text or "--no-index" in text for text in installs)


def test_dockerignore_is_read_as_docker_reads_it() -> None:
    patterns = ["*", "!src", "**/__pycache__"]
    assert is_ignored("README.md", patterns)
    assert is_ignored("docs/src", patterns)
    assert is_ignored("src/__pycache__/a.pyc", patterns)
    assert not is_ignored("src/authapi/app.py", patterns)


def test_the_image_has_no_pip_that_could_install_anything(image: Image) -> None:
    assert not list(image.place("/opt/authapi/bin").glob("pip*"))


def test_migrate_is_a_command_of_the_container(image: Image, tmp_path: Path) -> None:
    words = [*image.said["ENTRYPOINT"].words, "migrate"]
    subprocess.run(image.command(words), cwd=tmp_path, env=image.env, check=True)
    assert (tmp_path / "authapi.db").exists()
