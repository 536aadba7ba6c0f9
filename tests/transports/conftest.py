"""Every test here is run for every transport: it never says which one it is."""

from collections.abc import Callable

import pytest

from tests.support.api import EMAIL, Api
from tests.support.transports import TRANSPORTS, Holder

LogIn = Callable[..., Holder]


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def log_in(api: Api, transport: str) -> LogIn:
    """A new session on a new device; its user is registered at the first."""
    registered: set[str] = set()

    def log_in(email: str = EMAIL, **more: str) -> Holder:
        if email not in registered:
            api.register(email)
            registered.add(email)
        return Holder(api, transport).log_in(email, **more)

    return log_in
