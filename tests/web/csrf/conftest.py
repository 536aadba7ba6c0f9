"""One application for a module, whose pages and those of one other origin may use cookies."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.foreign import SETTINGS
from tests.support.service import Service, serving


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(sqlite_template, tmp_path_factory.mktemp("csrf"), **SETTINGS) as service:
        yield service


@pytest.fixture
def user(service: Service) -> str:
    """A new account's e-mail address."""
    email = f"user-{secrets.token_hex(8)}@example.com"
    service.api.register(email)
    return email
