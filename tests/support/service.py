"""One application for many tests: for requests that leave it as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from authapi.services.accounts.registration import NewUser, add_user
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.app_transport import AppClient
from tests.support.application import api_of, application
from tests.support.clock import TestClock
from tests.support.settings import NO_LIMITS, settings_for

SCOPES = "read write"


@dataclass(frozen=True)
class Service:
    """An application with one user, who has SCOPES, and that user's token pair."""

    api: Api
    clock: TestClock
    tokens: Tokens

    @property
    def client(self) -> AppClient:
        return self.api.client


MakeService = Callable[..., Service]


@contextmanager
def serving(database_url: str, **overrides: object) -> Iterator[Service]:
    """Yield a service on a migrated database; it has no limits but those in `overrides`."""
    settings, clock = settings_for(database_url, **{**NO_LIMITS, **overrides}), TestClock()
    with application(settings, clock) as app, api_of(app) as api:
        runtime = app.state.runtime
        user = NewUser(EMAIL, PASSWORD, username="ada", scopes=SCOPES)
        add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
        yield Service(api, clock, api.login())
