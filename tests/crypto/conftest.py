"""Names of tests without hashes: each worker of xdist salts its own, and names must agree."""

import pytest


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    return argname if isinstance(val, str) and "$" in val else None
