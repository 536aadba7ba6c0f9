"""TOTP: RFC 6238 by its own vectors and by the programs of others; a code works once."""

import shutil
import subprocess
from functools import partial
from threading import Event
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from authapi.crypto import totp
from authapi.db.database import Database
from authapi.services.operation.purge import purge_all
from tests.support.api import EMAIL, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.factors import (
    App,
    begin,
    claims,
    count,
    enrol,
    execute,
    first_step,
    log_in_with,
    second_step,
    with_app,
)
from tests.support.together import together

# RFC 6238 appendix B, the rows of SHA-1.
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
SECRET = b"12345678901234567890"
OATHTOOL = shutil.which("oathtool")


@pytest.mark.parametrize("moment", VECTORS)
def test_the_codes_are_those_of_the_rfc(moment: int) -> None:
    assert totp.code_at(SECRET, moment // 30, digits=8) == VECTORS[moment]


@pytest.mark.parametrize("moment", [0, 59, 1_800_000_000, 2**33])
def test_pyotp_shows_the_same_codes(moment: int) -> None:
    secret = totp.new_secret()
    assert pyotp.TOTP(totp.as_text(secret)).at(moment) == totp.code_at(secret, moment // 30)


def test_of_two_steps_with_one_code_the_newer_is_used_up() -> None:
    # Else the same code would be good again, for the newer one.
    step, code = 910_738, "911617"
    assert [totp.code_at(SECRET, each) for each in (step - 1, step)] == [code, code]
    assert totp.find_step(SECRET, code, step * 30) == step


@pytest.mark.skipif(OATHTOOL is None, reason="there is no oathtool here: apt-get install oathtool")
@pytest.mark.parametrize("moment", [59, 1_800_000_000])
def test_oathtool_shows_the_same_codes(moment: int) -> None:
    secret = totp.new_secret()
    command = [str(OATHTOOL), "--totp", "--base32", f"--now=@{moment}", totp.as_text(secret)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.strip() == totp.code_at(secret, moment // 30)


@sqlite_only
def test_the_qr_code_names_the_service_and_the_account(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(public_url="https://auth.example")
    app = begin(api, api.register_and_login(), clock)
    uri = urlsplit(app.uri)
    query = parse_qs(uri.query)
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == (
        *("otpauth", "totp"),
        f"/auth.example:{EMAIL}",
    )
    assert query["issuer"] == ["auth.example"]
    assert (query["algorithm"], query["digits"], query["period"]) == (["SHA1"], ["6"], ["30"])
    assert len(query["secret"][0]) == 32


def test_it_is_not_in_force_before_it_is_confirmed(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    app = begin(api, tokens, clock)
    api.login()
    assert api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json() == []
    answer = api.client.post("/reauth", json={"totp_code": app.code()}, headers=tokens.bearer)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_code")


def test_a_code_in_time_confirms_it(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    app = enrol(api, tokens, clock, name="  Telephone ")
    listed = api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json()
    codes, factor = sorted(listed, key=lambda each: each["kind"])
    assert (factor["id"], factor["kind"], factor["name"]) == (app.id, "totp", "Telephone")
    assert (codes["kind"], codes["remaining"]) == ("recovery_codes", 10)
    assert factor["last_used_at"] is None


@sqlite_only
def test_a_wrong_code_confirms_nothing_and_counts(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="2/hour")
    tokens = api.register_and_login()
    app = begin(api, tokens, clock)
    wrong = {"id": app.id, "code": app.code(steps=5)}
    asked = [
        api.client.post("/me/totp/confirm", json=wrong, headers=tokens.bearer) for _ in range(3)
    ]
    assert [answer.status_code for answer in asked] == [400, 400, 429]
    assert asked[0].json()["error"] == "invalid_code"
    assert api.client.get("/me/factors", headers=tokens.bearer).json() == []


@sqlite_only
def test_who_confirms_an_own_app_ends_no_row_of_failures(
    make_api: MakeApi, clock: TestClock
) -> None:
    # A session that was copied could else buy new guesses at the password.
    api = make_api(limit_login_pair="2/hour")
    tokens = api.register_and_login()
    wrong = {"email": EMAIL, "password": "wrong"}
    assert [api.client.post("/login", json=wrong).status_code for _ in range(2)] == [401, 401]
    enrol(api, tokens, clock)
    assert api.client.post("/login", json=wrong).status_code == 429


@sqlite_only
def test_one_that_was_begun_a_day_ago_is_gone(api: Api, clock: TestClock, db: Database) -> None:
    app = begin(api, api.register_and_login(), clock)
    clock.advance(86_401)
    body = {"id": app.id, "code": app.code()}
    tokens = api.login()
    api.expect(404, "POST", "/me/totp/confirm", json=body, headers=tokens.bearer)


def test_the_purge_removes_what_was_never_confirmed(
    api: Api, clock: TestClock, db: Database
) -> None:
    begin(api, api.register_and_login("bob@example.com"), clock)
    with_app(api, clock)
    clock.advance(86_401)
    purged = purge_all(db, api.app.state.runtime.settings, Event())
    assert purged["factors"] == 1
    assert count(db, "factors") == 2
    assert count(db, "totp_secrets") == 1


def test_a_newer_one_takes_the_place_of_one_that_was_begun(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    old, new = begin(api, tokens, clock), begin(api, tokens, clock)
    for app, status in ((old, 404), (new, 200)):
        body = {"id": app.id, "code": app.code()}
        api.expect(status, "POST", "/me/totp/confirm", json=body, headers=tokens.bearer)


@sqlite_only
def test_an_app_is_confirmed_once(api: Api, clock: TestClock) -> None:
    # Twice, it would count as two second factors, and a removal would leave one that nobody has.
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    body = {"id": app.id, "code": app.next_code()}
    api.expect(404, "POST", "/me/totp/confirm", json=body, headers=tokens.bearer)


@sqlite_only
def test_nobody_confirms_the_app_of_another(api: Api, clock: TestClock) -> None:
    app = begin(api, api.register_and_login(), clock)
    eve = api.register_and_login("eve@example.com")
    body = {"id": app.id, "code": app.code()}
    api.expect(404, "POST", "/me/totp/confirm", json=body, headers=eve.bearer)


@pytest.mark.parametrize(("steps", "status"), [(-2, 400), (-1, 200), (0, 200), (1, 200), (2, 400)])
def test_a_code_is_good_for_one_step_either_side(
    api: Api, clock: TestClock, steps: int, status: int
) -> None:
    app = with_app(api, clock)
    clock.advance(300)
    waiting = first_step(api)
    answer = second_step(api, waiting["auth_session"], totp_code=app.code(steps))
    assert answer.status_code == status


@sqlite_only
def test_a_code_may_be_typed_in_groups(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    code = app.next_code()
    typed = f" {code[:3]} {code[3:]}"
    assert second_step(api, first_step(api)["auth_session"], totp_code=typed).status_code == 200


@sqlite_only
@pytest.mark.parametrize("typed", ["", "1", "1234567", "١٢٣٤٥٦", "abcdef", "0x1234"])
def test_what_is_no_code_is_refused(api: Api, clock: TestClock, typed: str) -> None:
    with_app(api, clock)
    answer = second_step(api, first_step(api)["auth_session"], totp_code=typed)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_code")


def test_a_code_works_once(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    code = app.next_code()
    assert [status_of(api, sent) for sent in (code, code, app.code(-1))] == [200, 400, 400]
    assert status_of(api, app.next_code()) == 200


def test_the_code_that_confirmed_it_logs_nobody_in(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    answer = second_step(api, first_step(api)["auth_session"], totp_code=app.code())
    assert answer.status_code == 400


@postgresql_only
def test_of_twenty_uses_at_once_one_is_a_success(make_api: MakeApi, clock: TestClock) -> None:
    api = make_api(limit_login_pair="", limit_login_account="", limit_login_success="")
    app = with_app(api, clock)
    waiting = [first_step(api)["auth_session"] for _ in range(20)]
    code = app.next_code()
    jobs = [partial(second_step, api, each, totp_code=code) for each in waiting]
    statuses = [getattr(answer, "status_code", answer) for answer in together(*jobs)]
    assert sorted(map(str, statuses)) == ["200", *["400"] * 19]


def test_a_second_app_works_as_the_first_does(api: Api, clock: TestClock) -> None:
    first = with_app(api, clock)
    waiting = first_step(api)
    answer = second_step(api, waiting["auth_session"], totp_code=first.next_code())
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    begun = api.expect(201, "POST", "/me/totp", headers=bearer).json()
    second = App(clock, begun["otpauth_uri"], begun["id"])
    body = {"id": second.id, "code": second.code()}
    confirmed = api.expect(200, "POST", "/me/totp/confirm", json=body, headers=bearer)
    assert confirmed.json() == {"recovery_codes": []}
    for app in (first, second):
        waiting = first_step(api)
        assert waiting["methods"] == ["totp", "recovery_code"]
        code = app.next_code()
        assert second_step(api, waiting["auth_session"], totp_code=code).status_code == 200


def give_all_the_secret_of(api: Api, app: App) -> None:
    same = f"(SELECT sealed FROM totp_secrets WHERE factor_id = '{app.id}')"
    execute(api.app.state.runtime.db, f"UPDATE totp_secrets SET sealed = {same}")


def status_of(api: Api, code: str) -> int:
    """Log in with this code, and return the second answer's status."""
    return second_step(api, first_step(api)["auth_session"], totp_code=code).status_code


def test_a_code_that_two_apps_show_works_once(api: Api, clock: TestClock) -> None:
    """Two secrets show one code by chance, so these two get one secret here."""
    first = with_app(api, clock)
    enrol(api, log_in_with(api, first), clock)
    give_all_the_secret_of(api, first)
    code = first.next_code()
    assert [status_of(api, code), status_of(api, code)] == [200, 400]
    # As if only the other one had been used.
    database = api.app.state.runtime.db
    execute(database, f"UPDATE totp_secrets SET last_step = 0 WHERE factor_id = '{first.id}'")
    assert [status_of(api, code), status_of(api, first.next_code())] == [400, 200]


@sqlite_only
def test_one_app_s_code_confirms_no_other_app(api: Api, clock: TestClock) -> None:
    first = with_app(api, clock)
    tokens = log_in_with(api, first)
    body = {"id": begin(api, tokens, clock).id, "code": first.next_code()}
    api.expect(400, "POST", "/me/totp/confirm", json=body, headers=tokens.bearer)


def test_the_code_of_a_log_in_confirms_no_other_app(api: Api, clock: TestClock) -> None:
    first = with_app(api, clock)
    tokens = log_in_with(api, first)
    new = begin(api, tokens, clock)
    give_all_the_secret_of(api, first)
    code = first.next_code()
    assert status_of(api, code) == 200
    for sent, status in ((code, 400), (first.next_code(), 200)):
        body = {"id": new.id, "code": sent}
        api.expect(status, "POST", "/me/totp/confirm", json=body, headers=tokens.bearer)


def test_the_code_that_confirmed_another_app_logs_nobody_in(api: Api, clock: TestClock) -> None:
    first = with_app(api, clock)
    tokens = log_in_with(api, first)
    new = begin(api, tokens, clock)
    give_all_the_secret_of(api, first)
    code = first.next_code()
    body = {"id": new.id, "code": code}
    api.expect(200, "POST", "/me/totp/confirm", json=body, headers=tokens.bearer)
    api.expect(204, "DELETE", f"/me/factors/{new.id}", headers=tokens.bearer)
    assert [status_of(api, code), status_of(api, first.next_code())] == [400, 200]


@sqlite_only
def test_an_account_has_ten_apps_at_most(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    enrol(api, tokens, clock)
    database = api.app.state.runtime.db
    for number in range(9):
        execute(
            database,
            "INSERT INTO factors (id, user_id, kind, created_at, confirmed_at) "
            f"SELECT 'x{number}', id, 'totp', 1, 1 FROM users",
        )
    execute(database, "UPDATE users SET second_factors = 0")
    api.expect(422, "POST", "/me/totp", headers=tokens.bearer)


@sqlite_only
def test_a_log_in_by_it_is_aal2(api: Api, clock: TestClock) -> None:
    app = with_app(api, clock)
    answer = second_step(api, first_step(api)["auth_session"], totp_code=app.next_code())
    raw = claims(api, Tokens(answer.json()))
    assert (raw["acr"], raw["amr"]) == ("aal2", ["mfa", "otp", "pwd"])
