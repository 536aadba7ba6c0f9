"""The OpenAPI document, its operations, and a good body for each that takes one."""

import re
from typing import Any, NamedTuple

from authapi import clock
from tests.support.api import PASSWORD
from tests.support.application import application
from tests.support.settings import NEVER_OPENED, settings_for

with application(settings_for(NEVER_OPENED), clock.now) as app:
    DOCUMENT: dict[str, Any] = app.openapi()
ANOTHER_ID = "A" * 22
OF_AN_ID = re.compile(r"\{\w+_id\}")
CREDENTIAL = {"id": "AAAA", "rawId": "AAAA", "type": "public-key"}
USED = {"clientDataJSON": "AAAA", "authenticatorData": "AAAA", "signature": "AAAA"}
MADE = {"clientDataJSON": "AAAA", "attestationObject": "AAAA"}
BODIES: dict[str, dict[str, Any]] = {
    "/register": {"email": "eve@example.com", "password": PASSWORD, "username": "eve"},
    "/login": {"email": "eve@example.com", "password": PASSWORD},
    "/login/id-token": {"provider": "acme", "id_token": "a.b.c"},
    "/me/identities": {"provider": "acme", "id_token": "a.b.c"},
    "/login/passkey/options": {},
    "/login/passkey": {"challenge_id": "A" * 64, "credential": {**CREDENTIAL, "response": USED}},
    "/me/passkeys": {"challenge_id": "A" * 64, "credential": {**CREDENTIAL, "response": MADE}},
    "/refresh": {"refresh_token": "a.b.c"},
    "/logout": {"refresh_token": "a.b.c"},
    "/login/continue": {"auth_session": "A" * 43, "totp_code": "123456"},
    "/reauth": {"password": PASSWORD},
    "/me/totp": {"name": "Telephone"},
    "/me/totp/confirm": {"id": ANOTHER_ID, "code": "123456"},
    "/me/factors/{factor_id}": {"name": "Telephone"},
    "/me": {"username": "countess"},
    "/me/password": {"current_password": PASSWORD, "new_password": "a new and longer phrase"},
    "/me/delete": {"password": PASSWORD},
    "/me/email": {"password": PASSWORD, "email": "eve@new.example"},
    "/email/verify": {"token": "A" * 55},
    "/email/verify/resend": {"email": "eve@example.com"},
    "/email/undo": {"token": "A" * 55},
    "/password/forgot": {"email": "eve@example.com"},
    "/password/reset": {"token": "A" * 55, "new_password": "a new and longer phrase"},
    "/admin/users": {"email": "eve@example.com"},
    "/admin/users/{user_id}": {"disabled": True},
}
# Those that a user may send; tests/web/test_admin.py sends the others.
CHANGED_BY_PATCH = {"/me", "/me/factors/{factor_id}"}  # the others by POST
OWN_BODIES = {path: body for path, body in BODIES.items() if not path.startswith("/admin")}


class Operation(NamedTuple):
    method: str
    path: str  # with an id that is nobody's
    body: dict[str, Any] | None
    is_protected: bool
    statuses: frozenset[int]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _operation(method: str, path: str, about: dict[str, Any]) -> Operation:
    security = about.get("security", [])
    return Operation(
        method=method.upper(),
        path=OF_AN_ID.sub(ANOTHER_ID, path),
        body=BODIES[path] if "requestBody" in about else None,
        is_protected=bool(security) and {} not in security,
        statuses=frozenset(map(int, about["responses"])),
    )


OPERATIONS = [
    _operation(method, path, about)
    for path, operations in DOCUMENT["paths"].items()
    for method, about in operations.items()
]
PROTECTED = [operation for operation in OPERATIONS if operation.is_protected]
