"""Schemathesis' hooks: a credential for each operation that wants one, and a real refresh token.

The four transports take turns. Whoever was logged out, deleted or disabled is replaced: the next
request comes from a new account. Under `/admin` it comes from the administrator.
"""

import atexit
import json
import os
from collections import Counter
from itertools import count, cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
import schemathesis

from tests.fuzz import ADMINISTRATOR, PASSWORD

URL = os.environ["FUZZED_URL"]
TRANSPORTS = cycle(["bearer", "hybrid", "cookie", "session"])
NUMBERS = count()
ENDS_SESSIONS = (
    "/logout",
    "/reauth",
    "/me/password",
    "/me/delete",
    "/sessions",
    "/email/undo",
    "/admin/",
)


class Visitor:
    """Somebody who has registered, if `email` is None, and logged in."""

    def __init__(self, transport: str, email: str | None = None) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        ada = {"email": email or f"{uuid4().hex}@example.com", "password": PASSWORD}
        if email is None:
            self.http.post(f"{URL}/register", json=ada, timeout=60).raise_for_status()
        login = self.http.post(f"{URL}/login", json=ada | {"transport": transport}, timeout=60)
        login.raise_for_status()
        self.tokens = login.json()
        self.id = self.http.get(f"{URL}/me", headers=self.headers, timeout=60).json()["id"]

    @property
    def headers(self) -> dict[str, str]:
        headers = {}
        if token := self.tokens.get("access_token"):
            headers["Authorization"] = f"Bearer {token}"
        if cookies := "; ".join(f"{one.name}={one.value}" for one in self.http.cookies):
            headers |= {"Cookie": cookies, "X-CSRF-Token": self.tokens["csrf_token"]}
        return headers


class Visitors:
    def __init__(self, email: str | None = None) -> None:
        self._email = email
        self._current: Visitor | None = None

    def current(self) -> Visitor:
        if self._current is None or next(NUMBERS) % 50 == 0:
            self._current = Visitor(next(TRANSPORTS), self._email)
        return self._current

    def leave(self) -> None:
        self._current = None


VISITORS = Visitors()
ADMINISTRATORS = Visitors(ADMINISTRATOR)


def of(path: str) -> Visitors:
    """Return who asks there."""
    return ADMINISTRATORS if path.startswith("/admin/") else VISITORS


@schemathesis.auth(refresh_interval=None)
class Credential:
    """What an operation with a `security` is given, and a refresh, for its cookie."""

    def get(self, case: schemathesis.Case, _context: Any) -> dict[str, str]:
        needs_one = case.operation.definition.raw.get("security") or case.path == "/refresh"
        return of(case.path).current().headers if needs_one else {}

    def set(self, case: schemathesis.Case, data: dict[str, str], _context: Any) -> None:
        case.headers = {**(case.headers or {}), **data}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Let every second refresh token be one that is good."""
    if isinstance(body, dict) and body.get("refresh_token") and next(NUMBERS) % 2:
        body["refresh_token"] = Visitor("bearer").tokens["refresh_token"]
    return body


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Let every second account be the visitor's, and every second session."""
    if path_parameters and next(NUMBERS) % 2:
        own = {"session_id": VISITORS.current().tokens["session_id"]}
        own["user_id"] = VISITORS.current().id
        path_parameters |= {name: own[name] for name in own.keys() & path_parameters.keys()}
    return path_parameters


ANSWERED = Counter[str]()


@schemathesis.hook
def after_call(_context: Any, case: schemathesis.Case, response: Any) -> None:
    ANSWERED[f"{case.operation.label} {response.status_code}"] += 1
    ends_sessions = case.method != "GET" and case.path.startswith(ENDS_SESSIONS)
    if response.status_code == 401:
        of(case.path).leave()
    if ends_sessions:
        VISITORS.leave()


@atexit.register
def tell() -> None:
    """Leave the number of answers of each status for tests/fuzz/__main__.py."""
    Path(os.environ["FUZZED_ANSWERS"]).write_text(json.dumps(ANSWERED))
