"""Recovery codes: ten random ones, each works once, in the place of a lost telephone."""

import re
from functools import partial

import pytest
from sqlalchemy import text

from authapi.db.database import Database
from tests.support.api import Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.factors import claims, first_step, log_in_with, second_step, with_app
from tests.support.together import together

FORM = re.compile(r"[A-Z2-7]{5}(-[A-Z2-7]{5}){4}")  # 25 letters of 5 bits


def left(api: Api, tokens: Tokens) -> list[int]:
    listed = api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json()
    return [each["remaining"] for each in listed if each["kind"] == "recovery_codes"]


def log_in(api: Api, code: str) -> int:
    return second_step(api, first_step(api)["auth_session"], recovery_code=code).status_code


@sqlite_only
def test_ten_come_with_the_first_second_factor(api: Api, clock: TestClock) -> None:
    codes = with_app(api, clock).recovery_codes
    assert len(set(codes)) == 10
    assert all(FORM.fullmatch(code) for code in codes)


def test_each_logs_in_once_and_is_aal2(api: Api, clock: TestClock) -> None:
    codes = with_app(api, clock).recovery_codes
    answer = second_step(api, first_step(api)["auth_session"], recovery_code=codes[3])
    tokens = Tokens(answer.json())
    raw = claims(api, tokens)
    assert (raw["acr"], raw["amr"]) == ("aal2", ["mfa", "otp", "pwd"])
    assert left(api, tokens) == [9]
    listed = api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json()
    used = {each["kind"]: each["last_used_at"] is not None for each in listed}
    assert used == {"totp": False, "recovery_codes": True}
    assert [log_in(api, code) for code in (codes[3], codes[0])] == [400, 200]


@sqlite_only
@pytest.mark.parametrize("number", range(4))
def test_a_code_may_be_typed_as_people_type(api: Api, clock: TestClock, number: int) -> None:
    code = with_app(api, clock).recovery_codes[0]
    typed = (code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} ", code)[number]
    misread = typed.replace("O", "0").replace("I", "1").replace("B", "8")
    assert log_in(api, misread) == 200


@postgresql_only
def test_of_twenty_uses_at_once_one_is_a_success(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="", limit_login_account="", limit_login_success="")
    code = with_app(api, clock).recovery_codes[0]
    waiting = [first_step(api)["auth_session"] for _ in range(20)]
    jobs = [partial(second_step, api, each, recovery_code=code) for each in waiting]
    statuses = [getattr(answer, "status_code", answer) for answer in together(*jobs)]
    assert sorted(map(str, statuses)) == ["200", *["400"] * 19]


def test_new_ones_end_the_older_ones(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    made = api.expect(200, "POST", "/me/recovery-codes", headers=tokens.bearer).json()
    new = made["recovery_codes"]
    assert len(new) == 10
    assert not set(new) & set(app.recovery_codes)
    assert left(api, tokens) == [10]
    assert [log_in(api, code) for code in (app.recovery_codes[0], new[0])] == [400, 200]


@sqlite_only
def test_without_a_second_factor_there_are_none(api: Api) -> None:
    tokens = api.register_and_login()
    answer = api.expect(404, "POST", "/me/recovery-codes", headers=tokens.bearer)
    assert answer.json()["error"] == "not_found"


@sqlite_only
def test_the_codes_of_another_are_worth_nothing(api: Api, clock: TestClock) -> None:
    with_app(api, clock)
    codes = with_app(api, clock, "eve@example.com").recovery_codes
    assert log_in(api, codes[0]) == 400
    waiting = first_step(api, "eve@example.com")
    assert second_step(api, waiting["auth_session"], recovery_code=codes[0]).status_code == 200


def test_the_database_has_their_digests_alone(api: Api, clock: TestClock, db: Database) -> None:
    app = with_app(api, clock)
    with db.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM recovery_codes")).all())
        sealed = connection.execute(text("SELECT sealed FROM totp_secrets")).scalars().all()
    assert len(re.findall(r"'[\w-]{43}'", stored)) == 10
    for code in app.recovery_codes:
        assert code not in stored
        assert code.replace("-", "") not in stored
    secret = app.uri.partition("secret=")[2].partition("&")[0]
    assert all(secret.encode() not in bytes(each) for each in sealed)
