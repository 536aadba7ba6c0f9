"""A FastAPI application of somebody's own, with authapi below /auth."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI

from authapi.embedded import Authapi
from authapi.services.accounts.registration import NewUser, add_user
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.app_transport import AppClient
from tests.support.application import MakeSettings
from tests.support.clock import TestClock
from tests.support.transports import Holder

ORIGIN = "http://localhost:8000"
SCOPES = "reports:read reports:write"


@dataclass
class Host:
    """`client` asks the application, `api` what is below /auth."""

    app: FastAPI
    auth: Authapi
    client: AppClient = field(init=False)
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.client = AppClient(self.app, base_url=ORIGIN)
        self.api = Api(AppClient(self.app, base_url=f"{ORIGIN}/auth"))

    def add_user(self, email: str = EMAIL, scopes: str = SCOPES) -> None:
        runtime = self.auth.app.state.runtime
        user = NewUser(email, PASSWORD, username="ada", scopes=scopes)
        self.api.expect(200, "GET", "/readyz")
        add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)

    def logged_in(self, transport: str = "bearer") -> Holder:
        self.add_user()
        return Holder(self.api, transport).log_in()

    def close(self) -> None:
        self.client.close()
        self.api.client.close()
        self.auth.app.state.start_gate.close()


MakeAuth = Callable[..., Authapi]
MakeHost = Callable[..., Host]


@pytest.fixture
def make_auth(make_settings: MakeSettings, clock: TestClock) -> MakeAuth:
    def make(path: str = "/auth", **overrides: object) -> Authapi:
        settings = make_settings(public_url=f"{ORIGIN}{path}", **overrides)
        return Authapi(settings, clock=clock)

    return make


@pytest.fixture
def make_host() -> Iterator[MakeHost]:
    with ExitStack() as stack:

        def make(app: FastAPI, auth: Authapi) -> Host:
            host = Host(app, auth)
            stack.callback(host.close)
            return host

        yield make
