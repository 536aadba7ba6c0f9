"""Two people who are logged in."""

import pytest

from tests.support.api import Api
from tests.support.transports import Holder


@pytest.fixture
def victim(api: Api, transport: str) -> Holder:
    """Return a client that is logged in by `transport`, a parameter of the test."""
    api.register()
    return Holder(api, transport).log_in()


@pytest.fixture
def attacker(api: Api, transport: str) -> Holder:
    api.register("eve@example.com")
    return Holder(api, transport).log_in("eve@example.com")
