"""An application for a whole module, beside the one for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import Service, serving


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(sqlite_template, tmp_path_factory.mktemp("service")) as service:
        yield service
