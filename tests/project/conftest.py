"""The environment that the Dockerfile makes: the locked packages and the wheel, no more."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.tree import ROOT

# What the Dockerfile copies; and its RUN lines, with `root` for a folder that stands for "/".
LOCKS = ("requirements.lock", "requirements-build.lock")
SOURCES = ("pyproject.toml", "README.md", "hatch_build.py", "alembic", "clients", "src")
STEPS = (
    "{python} -m venv --without-pip {root}/opt/authapi",
    "{pip} --python {root}/opt/authapi/bin/python install --require-hashes -r requirements.lock",
    "{pip} install --require-hashes -r requirements-build.lock",
    "{pip} wheel --no-deps --no-build-isolation --wheel-dir {root}/dist .",
    "{pip} --python {root}/opt/authapi/bin/python install"
    " --no-deps --no-index {root}/dist/authapi-*.whl",
)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the environment, which all workers of pytest-xdist share: the first one makes it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root = shared / "image"
    with (shared / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "finished").exists():
            _install(root)
            (root / "finished").touch()
    return root / "opt/authapi"


def _install(root: Path) -> None:
    """Run the steps, with a new Python without packages in place of the base image's."""
    sources = root / "src"
    sources.mkdir(parents=True)
    for name in (*LOCKS, *SOURCES):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy2(ROOT / name, sources)
    base = f"{root}/usr/bin/python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "usr"], check=True)
    pip = f"{sys.executable} -m pip --python {base}"  # of two `--python`, the last one counts
    steps = [step.format(python=base, pip=pip, root=root) for step in STEPS]
    env = clean_environment() | {"PIP_NO_COMPILE": "1"}  # what a test imports is compiled then
    subprocess.run(["sh", "-ec", "\n".join(steps)], cwd=sources, env=env, check=True)


def clean_environment() -> dict[str, str]:
    """Return an environment without settings, and without this Python's own variables."""
    unwanted = ("AUTHAPI_", "PYTHON", "VIRTUAL_ENV", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder
