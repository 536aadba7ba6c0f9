"""The second step of a log-in: `POST /login/continue`."""

from collections.abc import Callable
from functools import partial
from threading import Event

import httpx
import pytest
from sqlalchemy import text

from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import Transport
from authapi.errors import InvalidCredentials
from authapi.services.accounts.devices import Device
from authapi.services.operation.purge import purge_all
from authapi.services.sessions.login import LoginAttempt, log_in
from tests.mail.conftest import MailApi
from tests.support.administration import Admin
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.cookies import Jar
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.factors import (
    App,
    count,
    execute,
    first_step,
    log_in_with,
    second_step,
    with_app,
)
from tests.support.logging import captured
from tests.support.together import together
from tests.support.transports import COOKIE_TRANSPORTS, TRANSPORTS, Holder

FOREIGN = {"Origin": "https://evil.example"}
UNLIMITED = {f"limit_login_{name}": "" for name in ("pair", "account", "success", "address")}


def error(answer: httpx.Response | Exception) -> tuple[int, str]:
    assert isinstance(answer, httpx.Response)
    return answer.status_code, answer.json()["error"]


def test_a_right_password_says_what_is_needed_next(api: Api, clock: TestClock) -> None:
    with_app(api, clock)
    answer = first_step(api)
    assert set(answer) == {
        *("error", "error_description", "auth_session", "methods", "expires_in"),
    }
    assert (answer["methods"], answer["expires_in"]) == (["totp", "recovery_code"], 300)
    assert len(answer["auth_session"]) >= 43
    assert "set-cookie" not in api.client.post("/login", json={}).headers


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_answer_is_that_of_a_log_in_for_the_transport_that_it_named(
    api: Api, clock: TestClock, transport: str
) -> None:
    api.register("bob@example.com")
    usual = Holder(api, transport).log_in("bob@example.com")
    app = with_app(api, clock)
    waiting = first_step(api, transport=transport)
    answer = second_step(api, waiting["auth_session"], totp_code=app.next_code())
    holder = Holder(api, transport)
    holder.take(answer)
    assert set(holder.body) == set(usual.body)
    assert set(holder.jar) == set(usual.jar)
    assert holder.is_in()
    assert holder.use()


@sqlite_only
def test_the_cookies_are_as_the_log_in_said(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    waiting = first_step(api, transport="cookie", remember=False)
    answer = second_step(api, waiting["auth_session"], totp_code=app.next_code())
    cookies = answer.headers.get_list("set-cookie")
    assert cookies
    assert all("max-age" not in cookie.lower() for cookie in cookies)


@sqlite_only
def test_the_token_is_for_the_service_that_the_log_in_named(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(audiences="reports")
    app = with_app(api, clock)
    tokens = log_in_with(api, app, resource="reports")
    claims = api.app.state.runtime.verifier_for_all.verify(tokens.access)
    assert claims.raw["aud"] == "reports"


@sqlite_only
@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
def test_no_page_of_another_site_continues_for_a_cookie(
    api: Api, clock: TestClock, transport: str
) -> None:
    app = with_app(api, clock)
    body = {
        "auth_session": first_step(api, transport=transport)["auth_session"],
        "totp_code": app.next_code(),
    }
    answer = api.client.post("/login/continue", json=body, headers=FOREIGN)
    assert error(answer) == (403, "csrf_failed")
    assert "set-cookie" not in answer.headers
    assert api.client.post("/login/continue", json=body).status_code == 200


@sqlite_only
def test_no_page_of_another_site_ends_a_session_of_a_cookie(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    api.register("bob@example.com")
    holder = Holder(api, "cookie").log_in("bob@example.com")
    body = {"auth_session": first_step(api)["auth_session"], "totp_code": app.next_code()}
    headers = holder.jar.header | FOREIGN
    assert error(api.client.post("/login/continue", json=body, headers=headers)) == (
        *(403, "csrf_failed"),
    )
    assert holder.is_in()


@pytest.mark.parametrize("step", ["/login", "/login/continue"])
def test_a_session_that_came_along_with_either_step_ends(
    api: Api, clock: TestClock, step: str
) -> None:
    app = with_app(api, clock)
    api.register("bob@example.com")
    holder = Holder(api, "cookie").log_in("bob@example.com")
    none: dict[str, str] = {}
    headers = {"/login": none, "/login/continue": none} | {step: holder.jar.header}
    body = {"email": EMAIL, "password": PASSWORD, "transport": "session"}
    waiting = api.client.post("/login", json=body, headers=headers["/login"]).json()
    assert holder.is_in()
    sent = {"auth_session": waiting["auth_session"], "totp_code": app.next_code()}
    answer = api.client.post("/login/continue", json=sent, headers=headers["/login/continue"])
    assert answer.status_code == 200
    assert not holder.is_in()
    jar = Jar(holder.jar) if step == "/login/continue" else Jar()
    jar.take(answer)
    assert len(jar) == 1  # the other cookies were cleared


@sqlite_only
def test_the_first_step_of_a_log_in_opens_nothing(api: Api, clock: TestClock, db: Database) -> None:
    with_app(api, clock)
    before = count(db, "sessions")
    waiting = first_step(api)
    for header in (f"Bearer {waiting['auth_session']}",):
        assert api.client.get("/me", headers={"Authorization": header}).status_code == 401
    refreshed = api.refresh(waiting["auth_session"])
    assert refreshed.status_code == 401
    assert count(db, "sessions") == before


@sqlite_only
@pytest.mark.parametrize("made_up", ["", "x", "A" * 43, "\u00e9" * 43, "A" * 64])
def test_one_that_was_never_made_is_refused(api: Api, clock: TestClock, made_up: str) -> None:
    app = with_app(api, clock)
    assert error(second_step(api, made_up, totp_code=app.next_code())) == (400, "invalid_session")


def test_it_lasts_five_minutes(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    first, second = first_step(api)["auth_session"], first_step(api)["auth_session"]
    clock.advance(269)
    assert second_step(api, first, totp_code=app.next_code()).status_code == 200
    clock.advance(2)
    answer = second_step(api, second, totp_code=app.next_code())
    assert error(answer) == (400, "invalid_session")


def test_it_gives_one_success(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    waiting = first_step(api)["auth_session"]
    assert second_step(api, waiting, totp_code=app.next_code()).status_code == 200
    again = second_step(api, waiting, recovery_code=app.recovery_codes[0])
    assert error(again) == (400, "invalid_session")


def test_it_takes_five_failures(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    waiting, other = first_step(api)["auth_session"], first_step(api)["auth_session"]
    wrong = [second_step(api, waiting, totp_code=app.code(5)) for _ in range(4)]
    assert {error(answer) for answer in wrong} == {(400, "invalid_code")}
    fifth = second_step(api, waiting, recovery_code="wrong")
    assert error(fifth) == (400, "invalid_code")
    answer = second_step(api, waiting, totp_code=app.next_code())
    assert error(answer) == (400, "invalid_session")
    assert second_step(api, other, totp_code=app.code()).status_code == 200


@sqlite_only
def test_a_right_code_after_four_failures_logs_in(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    waiting = first_step(api)["auth_session"]
    for _ in range(4):
        second_step(api, waiting, totp_code=app.code(5))
    assert second_step(api, waiting, totp_code=app.next_code()).status_code == 200


@postgresql_only
def test_of_twenty_guesses_at_once_five_are_looked_at(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(**UNLIMITED)
    app = with_app(api, clock)
    waiting = first_step(api)["auth_session"]
    jobs = [partial(second_step, api, waiting, totp_code=app.code(5)) for _ in range(20)]
    answers = [error(answer)[1] for answer in together(*jobs)]
    assert sorted(answers) == ["invalid_code"] * 5 + ["invalid_session"] * 15


@postgresql_only
def test_of_twenty_right_ones_at_once_one_is_a_success(
    make_api: MakeApi, clock: TestClock, database_url: str
) -> None:
    api = make_api(**UNLIMITED)
    app = with_app(api, clock)
    waiting = first_step(api)["auth_session"]
    code = app.next_code()
    proofs = [{"totp_code": code}, *({"recovery_code": one} for one in app.recovery_codes)]
    jobs = [partial(second_step, api, waiting, **proofs[n % len(proofs)]) for n in range(20)]
    statuses = [getattr(answer, "status_code", answer) for answer in together(*jobs)]
    assert sorted(map(str, statuses)) == ["200", *["400"] * 19]
    with api.app.state.runtime.db.connect() as connection:
        aal2 = connection.scalar(text("SELECT count(*) FROM sessions WHERE amr LIKE '%otp%'"))
    assert aal2 == 1


def change_the_password(api: Api, app: App) -> None:
    body = {"current_password": PASSWORD, "new_password": "a new and longer phrase"}
    tokens = log_in_with(api, app)
    api.expect(200, "POST", "/me/password", json=body, headers=tokens.bearer)


def disable_and_enable(api: Api, _app: App) -> None:
    admin = Admin(api)
    [user] = admin.users(q=EMAIL)
    admin.change(user["id"], disabled=True)
    admin.change(user["id"], disabled=False)


def disable(api: Api, _app: App) -> None:
    admin = Admin(api)
    [user] = admin.users(q=EMAIL)
    admin.change(user["id"], disabled=True)


def reset_the_factors(api: Api, _app: App) -> None:
    admin = Admin(api)
    [user] = admin.users(q=EMAIL)
    admin.expect(204, "POST", f"/users/{user['id']}/factors/reset")


def delete(api: Api, app: App) -> None:
    tokens = log_in_with(api, app)
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)


ENDS: list[Callable[[Api, App], None]] = [
    *(change_the_password, disable_and_enable, disable, reset_the_factors, delete),
]


@sqlite_only
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_it_ends_with_what_ends_the_proof(
    api: Api, clock: TestClock, end: Callable[[Api, App], None]
) -> None:
    app = with_app(api, clock)
    waiting = first_step(api)["auth_session"]
    end(api, app)
    answer = second_step(api, waiting, recovery_code=app.recovery_codes[0])
    assert error(answer) == (400, "invalid_session")


@sqlite_only
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_what_ends_the_proof_while_a_password_is_hashed_lets_nobody_wait(
    api: Api, clock: TestClock, db: Database, end: Callable[[Api, App], None]
) -> None:
    app = with_app(api, clock)
    runtime = api.app.state.runtime
    attempt = LoginAttempt(EMAIL, None, PASSWORD, Transport.BEARER)
    device = Device("192.0.2.1", None)
    logging_in = log_in(runtime.db, runtime.passwords, runtime.tokens, attempt, device)
    compute = next(logging_in)
    end(api, app)
    before = count(db, "auth_sessions")
    with pytest.raises(InvalidCredentials):
        logging_in.send(compute())
    assert count(db, "auth_sessions") == before


@sqlite_only
def test_it_is_bound_to_its_account(api: Api, clock: TestClock) -> None:
    with_app(api, clock)
    eve = with_app(api, clock, "eve@example.com")
    answer = second_step(api, first_step(api)["auth_session"], totp_code=eve.next_code())
    assert error(answer) == (400, "invalid_code")


@sqlite_only
@pytest.mark.parametrize(
    "body",
    [
        {"auth_session": "x"},
        {"auth_session": "x", "totp_code": "1", "recovery_code": "2"},
        {"totp_code": "1"},
        {"auth_session": "x", "password": PASSWORD},
        {"auth_session": "x" * 65, "totp_code": "1"},
        {"auth_session": "x", "totp_code": "1" * 65},
        {"auth_session": "x\u0000", "totp_code": "1"},
    ],
)
def test_a_body_that_is_none_is_422(api: Api, body: dict[str, str]) -> None:
    assert api.client.post("/login/continue", json=body).status_code == 422


@sqlite_only
def test_a_log_in_from_a_new_device_is_told_after_the_second_step(
    clock: TestClock, mail_api: MailApi
) -> None:
    api = mail_api.api
    app = with_app(api, clock)
    headers = {"User-Agent": "Other/1"}
    body = {"email": EMAIL, "password": PASSWORD}
    waiting = api.client.post("/login", json=body, headers=headers).json()
    assert not [mail for mail in mail_api.mails() if "Other/1" in mail.text]
    sent = {"auth_session": waiting["auth_session"], "totp_code": app.next_code()}
    assert api.client.post("/login/continue", json=sent, headers=headers).status_code == 200
    assert len([mail for mail in mail_api.mails() if "Other/1" in mail.text]) == 1


@sqlite_only
def test_the_stronger_hash_of_the_password_is_stored_at_the_first_step(
    make_api: MakeApi, clock: TestClock
) -> None:
    with_app(make_api(), clock)
    api = make_api(hash_memory_kib=2048)
    first_step(api)
    with api.app.state.runtime.db.connect() as connection:
        account = users.find_by_email(connection, EMAIL)
    assert account is not None
    assert "m=2048" in account.password_hash


@sqlite_only
def test_the_metrics_count_how_both_steps_end(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    logins = api.app.state.runtime.logins
    waiting = first_step(api)["auth_session"]
    second_step(api, waiting, totp_code=app.code(5))
    second_step(api, "made-up", totp_code="1")
    second_step(api, waiting, totp_code=app.next_code())
    counted = {
        name: logins[name]
        for name in ("succeeded", "insufficient_authorization", "invalid_code", "invalid_session")
    }
    assert counted == {
        "succeeded": 2,
        "insufficient_authorization": 1,
        "invalid_code": 1,
        "invalid_session": 1,
    }


def test_a_purge_removes_what_has_run_out(api: Api, clock: TestClock, db: Database) -> None:
    with_app(api, clock)
    first_step(api)
    clock.advance(301)
    assert purge_all(db, api.app.state.runtime.settings, Event())["auth_sessions"] == 1


def test_a_refused_code_is_logged_without_it(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    waiting = first_step(api)["auth_session"]
    wrong = app.code(5)
    with captured("json") as log:
        second_step(api, waiting, totp_code=wrong)
    assert log.event("factor_refused")["method"] == "totp_code"
    assert wrong not in log.text
    assert waiting not in log.text


def test_a_disabled_account_is_refused_before_its_second_factor(
    api: Api, clock: TestClock, db: Database
) -> None:
    """The kind: a refusal that tells who knows the password that it is right."""
    with_app(api, clock)
    execute(db, "UPDATE users SET disabled_at = 1")
    wrong, right = (
        api.client.post("/login", json={"email": EMAIL, "password": password})
        for password in ("wrong", PASSWORD)
    )
    assert (right.status_code, right.content) == (401, wrong.content)
