"""A request of each route that reads or writes rows.

A maker may ask the server for what its request needs beforehand: that is not measured. Each number
is another user's, whose session has the same number.
"""

import json
from base64 import b32decode
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

from authapi import clock
from authapi.crypto.totp import STEP_SECONDS, code_at
from benchmarks.harness.load import bearer
from benchmarks.harness.processes import BenchmarkError
from benchmarks.ours import PROXY_SAYS_GET, Ours
from benchmarks.seed import PASSWORD, Seed, email, session_cookie, session_id, user_id

ADMINISTRATOR = 1
ANOTHER = "another horse battery staple"


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    body: object = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """A filled database, and the server of it."""

    ours: Ours
    seed: Seed
    tickets: range  # sessions of transport `session`

    def ask(self, method: str, request: Request, expected: int = 200) -> Any:  # noqa: ANN401
        """Return the answer's JSON. Raises BenchmarkError for any status but those of 200 to 299,
        or `expected`.
        """
        with closing(HTTPConnection("127.0.0.1", self.ours.port, timeout=60)) as connection:
            body = None if request.body is None else json.dumps(request.body)
            headers = dict(line.split(": ", 1) for line in request.headers)
            json_body = {"Content-Type": "application/json"} if body else {}
            connection.request(method, request.path, body, headers | json_body)
            answer = connection.getresponse()
            text = answer.read()
        if answer.status // 100 != 2 and answer.status != expected:
            raise BenchmarkError(f"{method} {request.path}: {answer.status} {text.decode()[:300]}")
        return json.loads(text) if text else None

    def subject(self, number: int) -> str:
        return bearer(self.seed.access_token(number))

    def administrator(self) -> str:
        return bearer(self.seed.access_token(ADMINISTRATOR, "authapi:admin"))

    def user(self, number: int) -> int:
        return self.seed.user_of(number)


Maker = Callable[[World, int], Request]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    make: Maker = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _anonymous(path: str, **body: object) -> Maker:
    return lambda _world, _number: Request(path, body or None)


def _own(path: str, **body: object) -> Maker:
    return lambda world, number: Request(path, body or None, (world.subject(number),))


def _named(path: str, **body: object) -> Maker:
    """Name the user by the address."""
    return lambda world, number: Request(path, {"email": email(world.user(number)), **body})


def _administering(path: str, **body: object) -> Maker:
    def make(world: World, number: int) -> Request:
        ids = {"user": user_id(world.user(number)), "session": session_id(number)}
        return Request(path.format(**ids), body or None, (world.administrator(),))

    return make


def _by_link(path: str, purpose: str, **body: object) -> Maker:
    def make(world: World, number: int) -> Request:
        return Request(path, {"token": world.seed.link(world.user(number), purpose), **body})

    return make


def _registering(path: str, by: str) -> Maker:
    def make(world: World, number: int) -> Request:
        headers = (world.administrator(),) if by else ()
        body = {"email": f"new-{by}{number}@example.com", "password": PASSWORD}
        return Request(path, body, headers)

    return make


def _refresh(world: World, number: int) -> Request:
    (token,) = world.seed.refresh_tokens([number])
    return Request(
        "/refresh", {"refresh_token": token}, (f"Idempotency-Key: a-key-of-{number:020}",)
    )


def _ended_session(world: World, number: int) -> Request:
    return Request(f"/sessions/{session_id(number)}", None, (world.subject(number),))


def _verify(world: World, number: int) -> Request:
    ticket = world.tickets[number % len(world.tickets)]
    return Request("/verify", None, (session_cookie(ticket), PROXY_SAYS_GET))


def _begun(world: World, number: int) -> Mapping[str, str]:
    begun: Mapping[str, str] = world.ask("POST", _own("/me/totp", name="app")(world, number))
    return begun


def _code(begun: Mapping[str, str]) -> str:
    step = int(clock.now()) // STEP_SECONDS
    return code_at(b32decode(begun["secret"]), step)


def _confirmation(world: World, number: int) -> Request:
    begun = _begun(world, number)
    body = {"id": begun["id"], "code": _code(begun)}
    return Request("/me/totp/confirm", body, (world.subject(number),))


def _strong(world: World, number: int) -> tuple[str, list[str]]:
    """Enrol an app; return its id and the recovery codes."""
    confirmation = _confirmation(world, number)
    codes = world.ask("POST", confirmation)["recovery_codes"]
    return confirmation.body["id"], codes  # type: ignore[index]


def _continued(world: World, number: int) -> Request:
    _, codes = _strong(world, number)
    login = _named("/login", password=PASSWORD)(world, number)
    waits = world.ask("POST", login, expected=400)["auth_session"]
    return Request("/login/continue", {"auth_session": waits, "recovery_code": codes[0]})


def _stepped_up(world: World, number: int) -> tuple[str, str]:
    """Return the header of a session with two factors, and the id of its app."""
    app, codes = _strong(world, number)
    login = world.ask("POST", _named("/login", password=PASSWORD)(world, number), expected=400)
    body = {"auth_session": login["auth_session"], "recovery_code": codes[0]}
    answer = world.ask("POST", Request("/login/continue", body))
    return bearer(answer["access_token"]), app


def _of_a_factor(path: str, **body: object) -> Maker:
    def make(world: World, number: int) -> Request:
        header, app = _stepped_up(world, number)
        return Request(path.format(app=app), body or None, (header,))

    return make


ROUTES = (
    Route("POST", "/register", _registering("/register", "")),
    Route("POST", "/login", _named("/login", password=PASSWORD)),
    Route("POST", "/login/continue", _continued),
    Route("POST", "/login/passkey/options", _anonymous("/login/passkey/options")),
    Route("POST", "/reauth", _own("/reauth", password=PASSWORD)),
    Route("POST", "/refresh", _refresh),
    Route("POST", "/logout", _own("/logout")),
    Route("POST", "/logout/all", _own("/logout/all")),
    Route("GET", "/verify, transport session", _verify),
    Route("GET", "/sessions", _own("/sessions")),
    Route("DELETE", "/sessions", _own("/sessions")),
    Route("DELETE", "/sessions/{session_id}", _ended_session),
    Route("GET", "/me", _own("/me")),
    Route("PATCH", "/me", lambda world, n: _own("/me", username=f"ada-{n}")(world, n)),
    Route(
        "POST",
        "/me/password",
        _own("/me/password", current_password=PASSWORD, new_password=ANOTHER),
    ),
    Route(
        "POST",
        "/me/email",
        lambda world, n: _own("/me/email", password=PASSWORD, email=f"moved-{n}@example.com")(
            world, n
        ),
    ),
    Route("POST", "/me/delete", _own("/me/delete", password=PASSWORD)),
    Route("GET", "/me/events", _own("/me/events")),
    Route("GET", "/me/export", _own("/me/export")),
    Route("GET", "/me/factors", _own("/me/factors")),
    Route("PATCH", "/me/factors/{factor_id}", _of_a_factor("/me/factors/{app}", name="other")),
    Route("DELETE", "/me/factors/{factor_id}", _of_a_factor("/me/factors/{app}")),
    Route("POST", "/me/totp", _own("/me/totp", name="app")),
    Route("POST", "/me/totp/confirm", _confirmation),
    Route("POST", "/me/recovery-codes", _of_a_factor("/me/recovery-codes")),
    Route("POST", "/me/passkeys/options", _own("/me/passkeys/options")),
    Route("POST", "/email/verify", _by_link("/email/verify", "verify")),
    Route("POST", "/email/verify/resend", _named("/email/verify/resend")),
    Route("POST", "/email/undo", _by_link("/email/undo", "undo")),
    Route("POST", "/password/forgot", _named("/password/forgot")),
    Route("POST", "/password/reset", _by_link("/password/reset", "reset", new_password=ANOTHER)),
    Route("GET", "/admin/users", _administering("/admin/users")),
    Route("GET", "/admin/users?q=", _administering("/admin/users?q=nobody")),
    Route("GET", "/admin/users?disabled=true", _administering("/admin/users?disabled=true")),
    Route("POST", "/admin/users", _registering("/admin/users", "by-an-administrator-")),
    Route("GET", "/admin/users/{user_id}", _administering("/admin/users/{user}")),
    Route(
        "PATCH",
        "/admin/users/{user_id}",
        _administering("/admin/users/{user}", disabled=True, scopes=["reports:write"]),
    ),
    Route("DELETE", "/admin/users/{user_id}", _administering("/admin/users/{user}")),
    Route(
        "POST", "/admin/users/{user_id}/sign-out", _administering("/admin/users/{user}/sign-out")
    ),
    Route(
        "POST",
        "/admin/users/{user_id}/password-reset",
        _administering("/admin/users/{user}/password-reset"),
    ),
    Route(
        "POST",
        "/admin/users/{user_id}/factors/reset",
        _administering("/admin/users/{user}/factors/reset"),
    ),
    Route("GET", "/admin/users/{user_id}/sessions", _administering("/admin/users/{user}/sessions")),
    Route(
        "DELETE",
        "/admin/users/{user_id}/sessions/{session_id}",
        _administering("/admin/users/{user}/sessions/{session}"),
    ),
    Route("GET", "/admin/events", _administering("/admin/events")),
    Route("GET", "/admin/events?user_id=", _administering("/admin/events?user_id={user}")),
    Route("GET", "/admin/events?type=", _administering("/admin/events?type=login_failed")),
    Route("GET", "/revocations", _anonymous("/revocations")),
    Route("GET", "/readyz", _anonymous("/readyz")),
)

AUTHENTICATOR, NO_ROWS = "it needs an authenticator or a provider", "it reads no rows"
LEFT_OUT = {
    "POST /login/passkey": AUTHENTICATOR,
    "POST /me/passkeys": AUTHENTICATOR,
    "POST /reauth/passkey/options": AUTHENTICATOR,
    "POST /login/id-token": AUTHENTICATOR,
    "POST /me/identities": AUTHENTICATOR,
    "GET /csrf": NO_ROWS,
    "GET /healthz": NO_ROWS,
    "GET /metrics": NO_ROWS,
    "GET /.well-known/jwks.json": NO_ROWS,
    "GET /.well-known/oauth-authorization-server": NO_ROWS,
    "GET /.well-known/openid-configuration": NO_ROWS,
    "GET /.well-known/webauthn": NO_ROWS,
    "GET /.well-known/passkey-endpoints": NO_ROWS,
}
