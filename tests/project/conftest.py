"""The image that the Dockerfile makes, made once: requirements.lock and the wheel, no more."""

from pathlib import Path

import pytest

from tests.project.dockerfile import Image, read_steps
from tests.project.tree import ROOT


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("image"))
    made.build(read_steps((ROOT / "Dockerfile").read_text(encoding="utf-8")))
    return made


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder
