"""Every route of the OpenAPI document that changes something, and how to ask it by cookie."""

import secrets
from typing import Any

import httpx
import pytest

from authapi.db import sessions
from tests.support import operations
from tests.support.api import PASSWORD, Api
from tests.support.cookies import set_cookies
from tests.support.foreign import Headers
from tests.support.operations import DOCUMENT
from tests.support.transports import COOKIE_TRANSPORTS, Holder

BODIES: dict[str, dict[str, Any]] = {
    "PATCH /admin/users/{user_id}": {"email_verified": True},
    "POST /me/password": {"current_password": PASSWORD, "new_password": "a much longer phrase"},
    "POST /me/delete": {"password": PASSWORD},
    "POST /reauth": {"password": PASSWORD},
    "POST /me/email": {"password": PASSWORD, "email": "ada@new.example"},
    **{f"POST {path}": operations.BODIES[path] for path in ("/me/identities", "/me/passkeys")},
    "POST /me/totp/confirm": operations.BODIES["/me/totp/confirm"],
    "PATCH /me/factors/{factor_id}": operations.BODIES["/me/factors/{factor_id}"],
}
SUCCESS = {200, 201, 202, 204}
# The answers of what was let through, where a success takes more than a body.
LET_THROUGH = {
    "POST /me/identities": {422},  # there is no provider
    "POST /me/passkeys": {400},  # a made-up challenge
    "POST /me/totp/confirm": {404},
    "POST /me/recovery-codes": {404},  # there is no second factor
    "PATCH /me/factors/{factor_id}": {404},
    "DELETE /me/factors/{factor_id}": {404},
}
OPERATIONS = [
    f"{method.upper()} {path}" for path, of_path in DOCUMENT["paths"].items() for method in of_path
]
CHANGING = sorted(
    {name for name in OPERATIONS if not name.startswith("GET ")}
    # No cookie is their credential.
    - {"POST /register", "POST /login", "POST /password/forgot", "POST /password/reset"}
    - {"POST /email/verify", "POST /email/verify/resend", "POST /email/undo"}
    - {"POST /login/continue", "POST /login/id-token"}
    - {"POST /login/passkey", "POST /login/passkey/options"}
)
# The refresh cookie, the only one of `hybrid`, counts at few routes.
OF_HYBRID = ("POST /logout", "POST /refresh")
CASES = [
    (name, transport)
    for name in CHANGING
    for transport in COOKIE_TRANSPORTS
    if (transport != "hybrid" or name in OF_HYBRID)
    and (transport, name) != ("session", "POST /refresh")
]
EACH = pytest.mark.parametrize(("name", "transport"), CASES)


def send(holder: Holder, name: str, source: Headers, *tokens: str | None) -> httpx.Response:
    """Only the cookies of `holder`, with these CSRF tokens, from `source`."""
    method, _, path = name.partition(" ")
    proof = [("X-CSRF-Token", token) for token in tokens if token is not None]
    headers = [
        (key.encode(), value.encode("latin-1"))
        for key, value in (*holder.jar.header.items(), *source, *proof)
    ]
    path = path.replace("{session_id}", holder.sid).replace(
        "{user_id}", user_id_of(holder.api, holder.sid)
    )
    return holder.api.client.request(method, path, headers=headers, json=body_for(name))


def user_id_of(api: Api, sid: str) -> str:
    """Return whose session it is, without a request, which might write something."""
    with api.app.state.runtime.db.connect() as connection:
        session = sessions.find(connection, sid)
    return session.user_id or "" if session else ""


def body_for(name: str) -> dict[str, Any] | None:
    """What would succeed."""
    if name == "POST /admin/users":
        return {"email": f"{secrets.token_hex(8)}@example.com"}
    return {"username": secrets.token_hex(8)} if name == "PATCH /me" else BODIES.get(name)


def require_refused(answer: httpx.Response, about: object) -> None:
    assert (answer.status_code, answer.json()["error"]) == (403, "csrf_failed"), about
    assert set_cookies(answer) == {}
