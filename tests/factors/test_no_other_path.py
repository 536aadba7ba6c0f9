"""Which code can open a session: each way has a row in PATHS, found in the code itself.

Whoever adds another way to get tokens is told here to walk it without a second factor.
"""

import ast
import re
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from authapi.web.schemas import TokenResponse
from tests.factors.test_every_path import PATHS
from tests.project.tree import ROOT
from tests.support.api import Api
from tests.support.databases import sqlite_only

SOURCE = ROOT / "src"
Endpoint = Callable[..., Any]
# What adds a session, or makes its tokens.
MAKES = {"open_session", "add_session", "take_place", "NewSession", "issue_pair", "issue_ticket"}
# These are the names' own files. They know nothing of a request.
DOORS = {
    "authapi.db.sessions",
    "authapi.services.sessions.opening",
    "authapi.services.sessions.token_issue",
}
# It goes on with a session that is there: test_a_refresh_goes_on_with_what_was_proven_before.
REFRESH = "/refresh"
INSERT = re.compile(r"insert\(\s*(models\.)?(SESSIONS|Session)\b|INSERT INTO sessions", re.I)


def named_in(path: Path) -> set[str]:
    """Return every name that a file uses, imports or asks an object for."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name)
    return found


def makers() -> set[str]:
    """Return the modules that can open a session, or make tokens of one."""
    files = {path for path in SOURCE.rglob("*.py") if MAKES & named_in(path)}
    return {".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in files} - DOORS


def endpoints(api: Api) -> dict[str, Endpoint]:
    """Return the functions of all routes that hand tokens out, by their paths."""
    routes = [route for route in api.app.routes if isinstance(route, APIRoute)]
    return {
        route.path: route.endpoint
        for route in routes
        if "hand_over" in route.endpoint.__code__.co_names or route.response_model is TokenResponse
    }


def called_by(endpoint: Endpoint) -> set[str]:
    """Return the modules of the functions that an endpoint names."""
    named = [endpoint.__globals__.get(name) for name in endpoint.__code__.co_names]
    return {each.__module__ for each in named if isfunction(each)}


@pytest.fixture
def handing_out(api: Api) -> dict[str, Endpoint]:
    return endpoints(api)


@sqlite_only
def test_every_route_that_hands_out_tokens_has_a_row(handing_out: dict[str, Endpoint]) -> None:
    walked = {refused.route for refused in PATHS.values()}
    assert {*handing_out} == {*walked, REFRESH}


@sqlite_only
def test_whatever_opens_a_session_is_behind_such_a_route(handing_out: dict[str, Endpoint]) -> None:
    behind = {module for endpoint in handing_out.values() for module in called_by(endpoint)}
    assert makers() - behind == set()
    assert len(makers()) > 5  # the names above are still those of the code


def test_one_statement_adds_sessions() -> None:
    files = [path for path in SOURCE.rglob("*.py") if INSERT.search(path.read_text("utf-8"))]
    assert files == [SOURCE / "authapi" / "db" / "sessions.py"]
