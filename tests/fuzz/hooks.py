"""Schemathesis' hooks: a credential for each operation that wants one, and a real refresh token.

The four transports take turns. Whoever was logged out, deleted or disabled is replaced: the next
request comes from a new account.
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

URL = os.environ["FUZZED_URL"]
# The document's own example: what it shows for a password is then the account's.
PASSWORD = "correct horse battery staple"
TRANSPORTS = cycle(["bearer", "hybrid", "cookie", "session"])
NUMBERS = count()
ENDS_SESSIONS = ("/logout", "/reauth", "/me/password", "/me/delete", "/sessions", "/email/undo")


class Visitor:
    """Somebody who has registered and logged in."""

    def __init__(self, transport: str) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        ada = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}
        self.http.post(f"{URL}/register", json=ada, timeout=60).raise_for_status()
        login = self.http.post(f"{URL}/login", json=ada | {"transport": transport}, timeout=60)
        login.raise_for_status()
        self.tokens = login.json()

    @property
    def headers(self) -> dict[str, str]:
        headers = {}
        if token := self.tokens.get("access_token"):
            headers["Authorization"] = f"Bearer {token}"
        if cookies := "; ".join(f"{one.name}={one.value}" for one in self.http.cookies):
            headers |= {"Cookie": cookies, "X-CSRF-Token": self.tokens["csrf_token"]}
        return headers


class Visitors:
    def __init__(self) -> None:
        self._current: Visitor | None = None

    def current(self) -> Visitor:
        if self._current is None or next(NUMBERS) % 50 == 0:
            self._current = Visitor(next(TRANSPORTS))
        return self._current

    def leave(self) -> None:
        self._current = None


VISITORS = Visitors()


@schemathesis.auth(refresh_interval=None)
class Credential:
    """What an operation with a `security` is given, and a refresh, for its cookie."""

    def get(self, case: schemathesis.Case, _context: Any) -> dict[str, str]:
        needs_one = case.operation.definition.raw.get("security") or case.path == "/refresh"
        return VISITORS.current().headers if needs_one else {}

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
    """Let every second session be one of the visitor's own."""
    if path_parameters and "session_id" in path_parameters and next(NUMBERS) % 2:
        path_parameters["session_id"] = VISITORS.current().tokens["session_id"]
    return path_parameters


ANSWERED = Counter[str]()


@schemathesis.hook
def after_call(_context: Any, case: schemathesis.Case, response: Any) -> None:
    ANSWERED[f"{case.operation.label} {response.status_code}"] += 1
    ends_sessions = case.method != "GET" and case.path.startswith(ENDS_SESSIONS)
    if response.status_code == 401 or ends_sessions:
        VISITORS.leave()


@atexit.register
def tell() -> None:
    """Leave the number of answers of each status for tests/fuzz/__main__.py."""
    Path(os.environ["FUZZED_ANSWERS"]).write_text(json.dumps(ANSWERED))
