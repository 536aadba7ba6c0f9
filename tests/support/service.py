"""One application for many tests: for requests that leave it as it was."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authapi.app import create_app
from authapi.config import Settings
from authapi.services.accounts.registration import NewUser, add_user
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.app_transport import AppClient
from tests.support.clock import TestClock

SECRET = "a secret for tests which is long enough"
SCOPES = "read write"
NO_LIMITS = {f"limit_{name}": "" for name in ("login_pair", "login_account", "register", "refresh")}


@dataclass(frozen=True)
class Service:
    """A served application with one user, who has SCOPES, and that user's token pair."""

    api: Api
    clock: TestClock
    tokens: Tokens

    @property
    def client(self) -> AppClient:
        return self.api.client


@contextmanager
def serving(template: Path, folder: Path, **overrides: object) -> Iterator[Service]:
    """`template` is a migrated SQLite file; no limits, cheap hashes, or what `overrides` say."""
    path = folder / "authapi.db"
    shutil.copy(template, path)
    values: dict[str, Any] = {
        "database_url": f"sqlite:///{path}",
        "secret": SECRET,
        "hash_memory_kib": 1024,
        "hash_time_cost": 1,
        "revocation_poll": 60,
        "revocation_max_staleness": 120,
        **NO_LIMITS,
        **overrides,
    }
    clock = TestClock()
    app = create_app(Settings(**values), clock=clock)
    runtime = app.state.runtime
    user = NewUser(EMAIL, PASSWORD, username="ada", scopes=SCOPES)
    add_user(runtime.db, runtime.passwords.hasher, user)
    with AppClient(app) as client:
        api = Api(client)
        yield Service(api, clock, api.login())
    runtime.close()
