"""An application for a whole module, beside the one for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.service import Service, serving
from tests.support.transports import Holder


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(sqlite_template, tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def victim(api: Api, transport: str) -> Holder:
    """Logged in by `transport`, a parameter of the test."""
    api.register()
    return Holder(api, transport).log_in()


@pytest.fixture
def attacker(api: Api, transport: str) -> Holder:
    api.register("eve@example.com")
    return Holder(api, transport).log_in("eve@example.com")
