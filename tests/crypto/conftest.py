"""Hashes are salted anew in each of xdist's workers, so none may name a test."""

import pytest


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    return argname if isinstance(val, str) and "$" in val else None
