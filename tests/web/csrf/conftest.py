"""One application for a module, whose pages and those of one other origin may use cookies."""

import secrets

import pytest

from tests.support.administration import ADMIN, account
from tests.support.foreign import SETTINGS
from tests.support.service import MakeService, Service


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    service = make_service(**SETTINGS)
    account(service.api, "root@example.com", ADMIN)  # so that none of the users is the last one
    return service


@pytest.fixture
def user(service: Service) -> str:
    """Add an administrator, for whom every route works, and return the e-mail address."""
    email = f"user-{secrets.token_hex(8)}@example.com"
    account(service.api, email, ADMIN)
    return email
