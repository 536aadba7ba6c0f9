"""A test's settings: one secret, cheap hashes, and no poll that the test did not ask for."""

import os
from typing import Any

from authapi.config import Settings

SECRET = "a secret for tests which is long enough"
CHEAP_HASHES: dict[str, Any] = {"hash_memory_kib": 1024, "hash_time_cost": 1}
NO_LIMITS: dict[str, Any] = {
    f"limit_{name}": ""
    for name in (
        *("login_address", "login_pair", "login_account", "login_success"),
        *("register", "refresh", "links"),
    )
}
# What a server process gets: it polls as in production.
SERVER: dict[str, Any] = {"secret": SECRET, **CHEAP_HASHES, **NO_LIMITS}
NO_POLLS: dict[str, Any] = {"revocation_poll": 60, "revocation_max_staleness": 120}
NEVER_OPENED = "sqlite:///never-opened.db"  # for tests that need settings and no database


def settings_for(database_url: str, **overrides: object) -> Settings:
    """Return settings for an application in the test's process."""
    values = {"database_url": database_url, "secret": SECRET, **CHEAP_HASHES, **NO_POLLS}
    return Settings(**{**values, **overrides})


def environment(**settings: object) -> dict[str, str]:
    """Return the environment of a process that gets these settings, and none of this machine."""
    inherited = {name: value for name, value in os.environ.items() if "AUTHAPI_" not in name}
    ours = {f"AUTHAPI_{name.upper()}": str(value) for name, value in settings.items()}
    return inherited | ours
