"""Administrators, and what they ask for."""

from typing import Any

import httpx

from authapi.services.accounts.administration import Change, change_user
from authapi.services.accounts.registration import NewUser, add_user
from authapi.verifier import Claims
from authapi.web.runtime import Runtime
from tests.support.api import PASSWORD, Api, Tokens

ADMIN, AUDIT = "authapi:admin", "authapi:audit"
ROOT = "root@example.com"


def runtime_of(api: Api) -> Runtime:
    runtime: Runtime = api.app.state.runtime
    return runtime


def account(
    api: Api,
    email: str,
    scopes: str = "",
    username: str | None = None,
    *,
    is_verified: bool = False,
) -> str:
    """Add an account with these scopes, and return its id."""
    api.expect(200, "GET", "/readyz")  # the database may be new
    runtime = runtime_of(api)
    new = NewUser(email, PASSWORD, username=username, scopes=scopes)
    id_ = add_user(runtime.db, runtime.passwords.hasher, new, runtime.usernames).id
    if is_verified:
        change_user(runtime.db, id_, Change(is_verified=True))
    return id_


class Admin:
    """An administrator who is logged in."""

    def __init__(
        self, api: Api, email: str = ROOT, scopes: str = ADMIN, *, is_verified: bool = False
    ) -> None:
        self.api, self.email = api, email
        self.id = account(api, email, scopes, is_verified=is_verified)
        self.tokens: Tokens = api.login(email)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.api.client.request(method, f"/admin{path}", headers=self.tokens.bearer, **more)

    def expect(self, status: int, method: str, path: str, **more: Any) -> Any:
        """Return the answer's JSON, or None without a body."""
        answer = self.ask(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def change(self, user_id: str, **changes: object) -> Any:
        return self.expect(200, "PATCH", f"/users/{user_id}", json=changes)

    def users(self, **query: Any) -> list[dict[str, Any]]:
        """Return the users of all pages."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.expect(200, "GET", "/users", params=query | cursor)
            found += page["users"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def events(self, **query: Any) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.expect(200, "GET", "/events", params=query)["events"]
        return events


def as_subject(user_id: str, sid: str = "a-session") -> Claims:
    return Claims(user_id, sid, frozenset(), expires_at=0, issued_at=0, key_id="", raw={})
