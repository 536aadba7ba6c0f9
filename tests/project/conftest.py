"""The image that the Dockerfile makes, made once: requirements.lock and the wheel, no more."""

import fcntl
import os
import pickle
from pathlib import Path

import pytest

from tests.project.dockerfile import Image, read_steps
from tests.project.tree import ROOT


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Shared by all workers of pytest-xdist; whoever comes second waits for the first."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    finished = shared / "image.pickle"
    with (shared / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            made = Image(shared / "image")
            made.build(read_steps((ROOT / "Dockerfile").read_text(encoding="utf-8")))
            finished.write_bytes(pickle.dumps(made))
    image: Image = pickle.loads(finished.read_bytes())
    return image


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder
