"""Every test here runs for every transport, and none of them names one."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.api import EMAIL, Api
from tests.support.transports import TRANSPORTS, Holder

LogIn = Callable[..., Holder]


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def log_in(api: Api, transport: str) -> LogIn:
    """Return a function that opens a session on a new device, and registers its user if new."""
    registered: set[str] = set()

    def log_in(email: str = EMAIL, **more: Any) -> Holder:
        if email not in registered:
            api.register(email)
            registered.add(email)
        return Holder(api, transport).log_in(email, **more)

    return log_in
