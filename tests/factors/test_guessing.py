"""1,000 guesses of a code find nothing, whoever knows the password; and what guessing tells."""

import pytest

from tests.mail.conftest import MakeMailApi
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.costs import Answer, counted
from tests.support.databases import sqlite_only
from tests.support.factors import App, first_step, log_in_with, second_step, with_app
from tests.support.together import together

pytestmark = sqlite_only
# Cheap counters alone decide here: in a row, for each account and address.
GUESSES = 1000
LIMITS = ("limit_links", "limit_login_pair", "limit_login_address", "limit_login_success")
NO_LIMITS = {"limit_login_account": "100000/hour", **dict.fromkeys(LIMITS, "")}


def restart_and_guess(api: Api, app: App, address: str) -> list[str]:
    """Begin a log-in as its restart allows, and guess until it is used up. Return each answer."""
    headers = {"X-Forwarded-For": address}
    body = {"email": EMAIL, "password": PASSWORD}
    answer = api.client.post("/login", json=body, headers=headers)
    if answer.json()["error"] != "insufficient_authorization":
        return [str(answer.json()["error"])]
    told = []
    for _ in range(6):
        sent = {"auth_session": answer.json()["auth_session"], "totp_code": app.code(50)}
        guess = api.client.post("/login/continue", json=sent, headers=headers)
        told.append(guess.json()["error"])
    return told


def test_a_thousand_guesses_over_restarted_log_ins_are_a_hundred(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(trusted_proxies="192.0.2.1", limit_login_pair="", limit_login_address="")
    app = with_app(api, clock)
    told: list[str] = []
    for number in range(GUESSES // 5):
        told += restart_and_guess(api, app, f"198.51.{number % 100}.{number}")
    assert told.count("invalid_code") == 100
    assert told[-1] == "rate_limited"


def test_from_one_address_they_are_ten_a_minute(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api()
    app = with_app(api, clock)
    told = [error for _ in range(30) for error in restart_and_guess(api, app, "")]
    assert told.count("invalid_code") == 10


def test_right_passwords_give_no_guesses_back(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="4/hour")
    app = with_app(api, clock)
    last = first_step(api)["auth_session"]
    for _ in range(4):
        waiting = first_step(api)["auth_session"]
        assert second_step(api, waiting, totp_code=app.code(50)).status_code == 400
    assert second_step(api, last, totp_code=app.next_code()).status_code == 429


def test_neither_does_one_at_reauth(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="4/hour")
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    clock.advance(601)
    statuses = []
    for _ in range(4):
        asked = api.client.post("/reauth", json={"password": PASSWORD}, headers=tokens.bearer)
        waiting = asked.json()["auth_session"]
        statuses.append(second_step(api, waiting, totp_code=app.code(50)).status_code)
    answer = api.client.post("/reauth", json={"password": PASSWORD}, headers=tokens.bearer)
    assert [*statuses, answer.status_code] == [400, 400, 400, 400, 429]


def test_right_passwords_at_reauth_buy_no_guesses_there(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(trusted_proxies="192.0.2.1", **NO_LIMITS)
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    told = []
    for proof in [*["totp_code"] * 60, "password", *["totp_code"] * 60]:
        sent = {proof: PASSWORD if proof == "password" else app.code(50)}
        elsewhere = {"X-Forwarded-For": "198.51.100.7", **tokens.bearer}
        answer = api.client.post("/reauth", json=sent, headers=elsewhere)
        told.append(answer.json().get("error"))
        tokens = Tokens(answer.json()) if proof == "password" else tokens
    assert (told.count("invalid_code"), told[60], told[-1]) == (100, None, "rate_limited")


def test_a_whole_log_in_ends_the_row(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(trusted_proxies="192.0.2.1", limit_login_pair="", limit_login_address="")
    app = with_app(api, clock)
    told = []
    for number in range(40):
        if number == 15:
            log_in_with(api, app)
        told += restart_and_guess(api, app, f"198.51.100.{number}")
    assert told.count("invalid_code") == 15 * 5 + 100


def test_resets_by_mail_buy_no_guesses(make_mail_api: MakeMailApi, clock: TestClock) -> None:
    """The thief of a mailbox chooses a password as often as mails come."""
    mail_api = make_mail_api(**NO_LIMITS)
    app = with_app(mail_api.api, clock)
    mail_api.verify(EMAIL)
    told: list[str] = []
    for number in range(3):
        clock.advance(60)
        assert mail_api.post("/password/forgot", email=EMAIL) == 202
        token = (
            mail_api.mails(EMAIL)[-1].token if number else mail_api.mail(EMAIL, "new pass").token
        )
        assert mail_api.post("/password/reset", token=token, new_password=PASSWORD) == 204
        for _ in range(9):
            told += restart_and_guess(mail_api.api, app, "198.51.100.7")
    assert told.count("invalid_code") == 100
    waiting = first_step(mail_api.api)["auth_session"]
    assert second_step(mail_api.api, waiting, totp_code=app.next_code()).status_code == 429
    waiting = first_step(mail_api.api)["auth_session"]
    opened = second_step(mail_api.api, waiting, recovery_code=app.recovery_codes[0])
    assert opened.status_code == 200
    log_in_with(mail_api.api, app)


def test_guesses_at_once_overrun_no_limit(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="7/hour")
    app = with_app(api, clock)
    waiting = [first_step(api)["auth_session"] for _ in range(4)]
    wrong = app.code(50)
    jobs = [
        (lambda session=session: second_step(api, session, totp_code=wrong))
        for session in waiting
        for _ in range(5)
    ]
    told = [answer.json()["error"] for answer in together(*jobs)]  # type: ignore[union-attr]
    assert told.count("invalid_code") == 7


def test_right_passwords_alone_store_no_more_than_log_ins_may(
    make_api: MakeApi, clock: TestClock
) -> None:
    api = make_api(limit_login_success="5/hour")
    with_app(api, clock)
    body = {"email": EMAIL, "password": PASSWORD}
    asked = [api.client.post("/login", json=body).status_code for _ in range(6)]
    assert asked == [400, 400, 400, 400, 429, 429]  # one was the log-in that added the app


@pytest.mark.parametrize("path", ["/login", "/reauth"])
def test_a_log_in_in_two_steps_counts_once(make_api: MakeApi, clock: TestClock, path: str) -> None:
    api = make_api(limit_login_success="4/hour")
    app = with_app(api, clock)  # its log-in was the first
    tokens = log_in_with(api, app)
    clock.advance(601)
    proof = {"password": PASSWORD} | ({"email": EMAIL} if path == "/login" else {})
    told = []
    for _ in range(3):
        answer = api.client.post(path, json=proof, headers=tokens.bearer)
        told.append(answer.status_code)
        if answer.status_code == 400:
            waiting = answer.json()["auth_session"]
            continued = second_step(api, waiting, totp_code=app.next_code())
            told.append(continued.status_code)
            tokens = Tokens(continued.json())
            clock.advance(601)
    assert told == [400, 200, 400, 200, 429]


@pytest.mark.parametrize("body", [{"password": "wrong"}, {"password": "wrong" * 40}])
def test_until_the_password_is_right_nothing_tells_of_a_second_factor(
    make_api: MakeApi, clock: TestClock, body: dict[str, str]
) -> None:
    api = make_api(limit_login_pair="", limit_login_account="", limit_login_address="")
    api.register("bob@example.com")
    with_app(api, clock)
    told, costs = [], []
    for email in (EMAIL, "bob@example.com", "nobody@example.com"):
        api.client.post("/login", json={"email": email, **body})  # the decoys are renewed
        with counted(api.app.state.runtime.db) as cost:
            told.append(Answer.of(api.client.post("/login", json={"email": email, **body})))
        costs.append(cost.counts)
    assert told[0] == told[1] == told[2]
    assert costs[0] == costs[1] == costs[2]


def test_a_log_in_without_factors_costs_what_it_did(make_api: MakeApi) -> None:
    api = make_api()
    api.register()
    api.login()
    with counted(api.app.state.runtime.db) as cost:
        api.login()
    assert not [sql for sql in cost.statements if "factors" in sql and "second_factors" not in sql]
    assert not [sql for sql in cost.statements if "auth_sessions" in sql]


def test_what_is_unknown_used_or_expired_is_one_answer(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    used, expired = first_step(api)["auth_session"], first_step(api)["auth_session"]
    second_step(api, used, totp_code=app.next_code())
    clock.advance(300)
    code = app.next_code()
    told = [Answer.of(second_step(api, each, totp_code=code)) for each in (used, expired, "x")]
    assert told[0] == told[1] == told[2]
