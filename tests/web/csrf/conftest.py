"""One application for a module, whose pages and those of one other origin may use cookies."""

import secrets

import pytest

from tests.support.foreign import SETTINGS
from tests.support.service import MakeService, Service


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    return make_service(**SETTINGS)


@pytest.fixture
def user(service: Service) -> str:
    """Register an account, and return its e-mail address."""
    email = f"user-{secrets.token_hex(8)}@example.com"
    service.api.register(email)
    return email
