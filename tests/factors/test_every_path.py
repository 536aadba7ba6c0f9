"""No path yields a session on the first factor alone where a second one is set: one table.

A path is a function that goes as far as it can without a second factor, and returns what it was
answered. PATHS has a row for each way to get tokens; a test holds it to docs/security.md's list.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx
import pytest
from sqlalchemy import text

from authapi.db import sessions
from authapi.db.models import Transport
from authapi.db.sessions import NewSession
from tests.cli.conftest import Authapi
from tests.mail.conftest import MailApi
from tests.support import passkeys
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.authenticator import UP, Authenticator
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.factors import App, enrol, first_step, log_in_with, second_step, with_app
from tests.support.together import together

NEW = "a new and longer phrase"


@dataclass
class Walk:
    """A user with a second factor, and tokens from before it was added: a password's alone."""

    mail_api: MailApi
    authapi: Authapi
    clock: TestClock
    before: Tokens
    app: App

    @property
    def api(self) -> Api:
        return self.mail_api.api

    def post(self, path: str, tokens: Tokens | None = None, **body: object) -> httpx.Response:
        headers = tokens.bearer if tokens else {}
        return self.api.client.post(path, json=body, headers=headers)


def log_in(walk: Walk) -> httpx.Response:
    return walk.post("/login", email=EMAIL, password=PASSWORD)


def log_in_by_each_transport(walk: Walk) -> httpx.Response:
    for transport in ("hybrid", "cookie", "session"):
        answer = walk.post("/login", email=EMAIL, password=PASSWORD, transport=transport)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers
    return answer


def continue_without_a_right_code(walk: Walk) -> httpx.Response:
    waiting = first_step(walk.api)["auth_session"]
    return walk.post("/login/continue", auth_session=waiting, totp_code=walk.app.code(7))


def continue_with_a_used_code(walk: Walk) -> httpx.Response:
    waiting = first_step(walk.api)["auth_session"]
    return walk.post("/login/continue", auth_session=waiting, totp_code=walk.app.code())


def continue_by_the_password(walk: Walk) -> httpx.Response:
    waiting = first_step(walk.api)["auth_session"]
    return walk.post("/login/continue", auth_session=waiting, password=PASSWORD)


def reauth(walk: Walk) -> httpx.Response:
    return walk.post("/reauth", walk.before, password=PASSWORD)


def reauth_after_a_while(walk: Walk) -> httpx.Response:
    tokens = log_in_with(walk.api, walk.app)
    walk.clock.advance(601)
    return walk.post("/reauth", tokens, password=PASSWORD)


def change_the_password(walk: Walk) -> httpx.Response:
    return walk.post("/me/password", walk.before, current_password=PASSWORD, new_password=NEW)


def change_the_password_after_a_while(walk: Walk) -> httpx.Response:
    tokens = log_in_with(walk.api, walk.app)
    walk.clock.advance(601)
    return walk.post("/me/password", tokens, current_password=PASSWORD, new_password=NEW)


def log_in_by_a_passkey_that_knows_no_user(walk: Walk) -> httpx.Response:
    owner = log_in_with(walk.api, walk.app)
    return passkeys.logged_in(
        walk.api, passkeys.registered(walk.api, owner, Authenticator(flags=UP))
    )


def reset_by_mail(walk: Walk) -> httpx.Response:
    walk.post("/password/forgot", email=EMAIL)
    token = walk.mail_api.mail(EMAIL, "password").token
    answer = walk.post("/password/reset", token=token, new_password=NEW)
    assert (answer.status_code, answer.content) == (204, b"")
    return walk.post("/login", email=EMAIL, password=NEW)


def set_the_password_by_a_command(walk: Walk) -> httpx.Response:
    outcome = walk.authapi("users", "set-password", EMAIL, "--password-stdin", typed=f"{NEW}\n")
    assert outcome.status == 0
    return walk.post("/login", email=EMAIL, password=NEW)


def disable_and_enable_by_a_command(walk: Walk) -> httpx.Response:
    for command in ("disable", "enable"):
        assert walk.authapi("users", command, EMAIL).status == 0
    return walk.post("/login", email=EMAIL, password=PASSWORD)


def undo_a_change_of_address(walk: Walk) -> httpx.Response:
    answer = walk.post("/me/email", walk.before, password=PASSWORD, email="eve@example.com")
    assert answer.status_code == 401
    return log_in(walk)


PATHS: dict[Callable[[Walk], httpx.Response], tuple[int, str]] = {
    log_in: (400, "insufficient_authorization"),
    log_in_by_each_transport: (400, "insufficient_authorization"),
    continue_without_a_right_code: (400, "invalid_code"),
    continue_with_a_used_code: (400, "invalid_code"),
    continue_by_the_password: (422, "validation_error"),
    reauth: (400, "insufficient_authorization"),
    reauth_after_a_while: (400, "insufficient_authorization"),
    change_the_password: (401, "insufficient_user_authentication"),
    change_the_password_after_a_while: (401, "insufficient_user_authentication"),
    log_in_by_a_passkey_that_knows_no_user: (401, "invalid_credentials"),
    reset_by_mail: (400, "insufficient_authorization"),
    set_the_password_by_a_command: (400, "insufficient_authorization"),
    disable_and_enable_by_a_command: (400, "insufficient_authorization"),
    undo_a_change_of_address: (400, "insufficient_authorization"),
}


@pytest.fixture
def walk(mail_api: MailApi, authapi: Authapi, configured: str, clock: TestClock) -> Walk:
    before = mail_api.api.register_and_login()
    return Walk(mail_api, authapi, clock, before, enrol(mail_api.api, before, clock))


def without_a_second(api: Api) -> list[str]:
    """Return the sessions, in force or not, of a password or an ID token alone."""
    with api.app.state.runtime.db.connect() as connection:
        words = connection.execute(text("SELECT sid, amr FROM sessions")).all()
    return [sid for sid, amr in words if not {"otp", "pop"} & {*amr.replace("~", "").split()}]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_no_path_yields_a_session_on_the_first_factor_alone(
    walk: Walk, path: Callable[[Walk], httpx.Response]
) -> None:
    answer = path(walk)
    assert (answer.status_code, answer.json()["error"]) == PATHS[path]
    assert not {"access_token", "refresh_token", "session_id"} & set(answer.json())
    assert "set-cookie" not in answer.headers
    assert without_a_second(walk.api) == [walk.before.sid]


@postgresql_only
def test_a_log_in_beside_the_adding_of_a_factor_opens_none_after_it(
    api: Api, clock: TestClock
) -> None:
    # The password was read before the factor, and the session is added after it.
    tokens = api.register_and_login()
    runtime = api.app.state.runtime
    me = api.client.get("/me", headers=tokens.bearer).json()["id"]
    new = NewSession(
        sid="s" * 22,
        user_id=me,
        account_version=0,
        transport=Transport.BEARER,
        idle_ttl=600,
        session_ttl=600,
        user_agent=None,
        ip=None,
        secret_digest=None,
        amr="pwd",
        client_id="authapi",
        remember=True,
        has_second_factor=False,
    )

    def enrol_slowly() -> object:
        return enrol(api, tokens, clock)

    def add() -> object:
        with runtime.db.begin() as tx:
            return sessions.add(tx, new)

    together(enrol_slowly, add)
    enrolled_at = _time_of(api, "factors", "confirmed_at")
    opened = _time_of(api, "sessions", "created_at", f"WHERE sid = '{new.sid}'")
    assert opened is None or (enrolled_at and opened <= enrolled_at)
    with runtime.db.begin() as tx:
        again = sessions.add(tx, replace(new, sid="t" * 22))
    assert again is None


@sqlite_only
def test_the_same_paths_open_sessions_with_the_second_factor(
    mail_api: MailApi, clock: TestClock
) -> None:
    # The table above would be met by a service that opens nothing.
    api = mail_api.api
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    answer = api.client.post("/reauth", json={"password": PASSWORD}, headers=tokens.bearer)
    assert answer.status_code == 200
    tokens = Tokens(answer.json())
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert api.client.post("/me/password", json=body, headers=tokens.bearer).status_code == 200
    waiting = api.client.post("/login", json={"email": EMAIL, "password": NEW}).json()
    code = app.next_code()
    assert second_step(api, waiting["auth_session"], totp_code=code).status_code == 200


def _time_of(api: Api, table: str, column: str, where: str = "") -> float | None:
    with api.app.state.runtime.db.connect() as connection:
        statement = f"SELECT max({column}) FROM {table} {where}"
        found = connection.scalar(text(statement))
    return None if found is None else float(found)
