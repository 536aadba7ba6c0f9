"""No path yields a session on the first factor alone where a second one is set: one table.

A path is a function that goes as far as it can without a second factor, and returns what it was
answered. PATHS has a row for each way to get tokens: test_no_other_path holds it to the code.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import text

from authapi.db import sessions
from authapi.db.models import Transport
from authapi.db.sessions import NewSession
from tests.cli.conftest import Authapi
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support import passkeys, provider
from tests.support.administration import Admin
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.authenticator import UP, Authenticator
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.factors import App, claims, enrol, first_step, log_in_with, second_step, with_app
from tests.support.provider import Provider
from tests.support.together import together
from tests.support.transports import COOKIE_TRANSPORTS

NEW = "a new and longer phrase"


@dataclass
class Walk:
    """A user with a second factor, and tokens from before it was added: a password's alone."""

    mail_api: MailApi
    authapi: Authapi
    clock: TestClock
    provider: Provider
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
    for transport in COOKIE_TRANSPORTS:
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


def link_an_identity(walk: Walk) -> None:
    owner = log_in_with(walk.api, walk.app)
    sent = {"provider": walk.provider.name, "id_token": walk.provider.token()}
    walk.api.expect(201, "POST", "/me/identities", json=sent, headers=owner.bearer)


def log_in_by_an_id_token(walk: Walk) -> httpx.Response:
    link_an_identity(walk)
    for transport in COOKIE_TRANSPORTS:
        answer = provider.log_in(walk.api, walk.provider, transport=transport)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers
    return provider.log_in(walk.api, walk.provider)


def log_in_by_an_id_token_with_the_address(walk: Walk) -> httpx.Response:
    walk.mail_api.verify(EMAIL)
    return provider.log_in(walk.api, walk.provider)


def continue_after_an_id_token_with_a_used_code(walk: Walk) -> httpx.Response:
    waiting = log_in_by_an_id_token(walk).json()["auth_session"]
    return walk.post("/login/continue", auth_session=waiting, totp_code=walk.app.code())


def verify_the_address(walk: Walk) -> httpx.Response:
    token = walk.mail_api.mail(EMAIL, "Verify").token
    answer = walk.post("/email/verify", token=token)
    assert (answer.status_code, answer.content) == (204, b"")
    return log_in(walk)


def reset_by_mail(walk: Walk) -> httpx.Response:
    walk.mail_api.verify(EMAIL)
    walk.mail_api.reset(EMAIL, NEW)
    return walk.post("/login", email=EMAIL, password=NEW)


def reset_by_an_administrator(walk: Walk) -> httpx.Response:
    admin = Admin(walk.api)
    [user] = admin.users(q=EMAIL)
    walk.mail_api.verify(EMAIL)
    admin.expect(202, "POST", f"/users/{user['id']}/password-reset")
    walk.mail_api.choose_password(EMAIL, NEW)
    return walk.post("/login", email=EMAIL, password=NEW)


def set_the_password_by_a_command(walk: Walk) -> httpx.Response:
    outcome = walk.authapi("users", "set-password", EMAIL, "--password-stdin", typed=f"{NEW}\n")
    assert outcome.status == 0
    return walk.post("/login", email=EMAIL, password=NEW)


def disable_and_enable_by_a_command(walk: Walk) -> httpx.Response:
    for command in ("disable", "enable"):
        assert walk.authapi("users", command, EMAIL).status == 0
    return walk.post("/login", email=EMAIL, password=PASSWORD)


def change_the_address(walk: Walk) -> httpx.Response:
    answer = walk.post("/me/email", walk.before, password=PASSWORD, email="eve@example.com")
    assert answer.status_code == 401
    return log_in(walk)


def undo_a_change_of_address(walk: Walk) -> httpx.Response:
    owner = log_in_with(walk.api, walk.app)
    body = {"password": PASSWORD, "email": "eve@example.com"}
    walk.api.expect(202, "POST", "/me/email", json=body, headers=owner.bearer)
    assert walk.mail_api.post("/email/verify", token=walk.mail_api.mail(body["email"]).token) == 204
    undone = walk.post("/email/undo", token=walk.mail_api.mail(EMAIL, "was changed").token)
    assert (undone.status_code, undone.content) == (204, b"")
    return log_in(walk)


class Refused(NamedTuple):
    """Which route refused in the end, and how."""

    route: str
    status: int
    error: str


ASKED = Refused("/login", 400, "insufficient_authorization")
PATHS: dict[Callable[[Walk], httpx.Response], Refused] = {
    log_in: ASKED,
    log_in_by_each_transport: ASKED,
    log_in_by_an_id_token: ASKED._replace(route="/login/id-token"),
    log_in_by_an_id_token_with_the_address: Refused("/login/id-token", 409, "already_registered"),
    log_in_by_a_passkey_that_knows_no_user: Refused("/login/passkey", 401, "invalid_credentials"),
    continue_without_a_right_code: Refused("/login/continue", 400, "invalid_code"),
    continue_with_a_used_code: Refused("/login/continue", 400, "invalid_code"),
    continue_by_the_password: Refused("/login/continue", 422, "validation_error"),
    continue_after_an_id_token_with_a_used_code: Refused("/login/continue", 400, "invalid_code"),
    reauth: ASKED._replace(route="/reauth"),
    reauth_after_a_while: ASKED._replace(route="/reauth"),
    change_the_password: Refused("/me/password", 401, "insufficient_user_authentication"),
    change_the_password_after_a_while: Refused(
        "/me/password", 401, "insufficient_user_authentication"
    ),
    verify_the_address: ASKED,
    reset_by_mail: ASKED,
    reset_by_an_administrator: ASKED,
    set_the_password_by_a_command: ASKED,
    disable_and_enable_by_a_command: ASKED,
    change_the_address: ASKED,
    undo_a_change_of_address: ASKED,
}


@pytest.fixture
def walk(
    make_mail_api: MakeMailApi,
    provider: Provider,
    authapi: Authapi,
    configured: str,
    clock: TestClock,
) -> Walk:
    mail_api = make_mail_api(limit_links="", identity_providers=[provider.setting])
    before = mail_api.api.register_and_login()
    app = enrol(mail_api.api, before, clock)
    return Walk(mail_api, authapi, clock, provider, before, app)


def without_a_second(walk: Walk) -> list[str]:
    """Return the user's sessions, in force or not, of a password or an ID token alone."""
    owner = "SELECT user_id FROM sessions WHERE sid = :sid"
    own = text(f"SELECT sid, amr FROM sessions WHERE user_id = ({owner})")
    with walk.mail_api.runtime.db.connect() as connection:
        words = connection.execute(own, {"sid": walk.before.sid}).all()
    return [sid for sid, amr in words if not {"otp", "pop"} & {*amr.replace("~", "").split()}]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_no_path_yields_a_session_on_the_first_factor_alone(
    walk: Walk, path: Callable[[Walk], httpx.Response]
) -> None:
    answer = path(walk)
    told = Refused(answer.request.url.path, answer.status_code, answer.json()["error"])
    assert told == PATHS[path]
    assert not {"access_token", "refresh_token", "session_id"} & set(answer.json())
    assert "set-cookie" not in answer.headers
    assert without_a_second(walk) == [walk.before.sid]


def test_a_refresh_goes_on_with_what_was_proven_before(walk: Walk) -> None:
    refreshed = walk.api.refreshed(walk.before.refresh)
    assert (refreshed.sid, claims(walk.api, refreshed)["acr"]) == (walk.before.sid, "aal1")
    assert without_a_second(walk) == [walk.before.sid]


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
