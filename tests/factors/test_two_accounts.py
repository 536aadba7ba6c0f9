"""The kind: a statement that forgets whose factor it is. Each of these has two accounts."""

from authapi.db import factors
from tests.mail.conftest import MailApi
from tests.support import passkeys
from tests.support.administration import Admin
from tests.support.api import EMAIL, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import App, begin, enrol, first_step, log_in_with, second_step, with_app
from tests.support.passkeys import user_id
from tests.support.provider import Provider, logged_in

EVE = "eve@example.com"
pytestmark = sqlite_only


def listed(api: Api, tokens: Tokens) -> list[dict[str, object]]:
    return list(api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json())


def remaining(api: Api, tokens: Tokens) -> list[object]:
    return [each["remaining"] for each in listed(api, tokens) if each["kind"] == "recovery_codes"]


def log_in_by_code(api: Api, app: App, email: str) -> Tokens:
    waiting = first_step(api, email)["auth_session"]
    answer = second_step(api, waiting, recovery_code=app.recovery_codes[0])
    assert answer.status_code == 200, answer.text
    return Tokens(answer.json())


def test_each_sees_its_own_factors_and_counts_its_own_codes(api: Api, clock: TestClock) -> None:
    ada, eve = with_app(api, clock), with_app(api, clock, EVE)
    by_ada, by_eve = log_in_with(api, ada), log_in_by_code(api, eve, EVE)
    for app, tokens, codes in ((ada, by_ada, 10), (eve, by_eve, 9)):
        assert [each["id"] for each in listed(api, tokens) if each["kind"] == "totp"] == [app.id]
        assert remaining(api, tokens) == [codes]


def test_the_second_factor_of_one_is_asked_of_no_other(api: Api, clock: TestClock) -> None:
    api.register(EVE)
    app = with_app(api, clock)
    assert api.login(EVE)
    tokens = log_in_with(api, app)
    api.register_and_login("bob@example.com")
    api.expect(204, "DELETE", f"/me/factors/{app.id}", headers=tokens.bearer)
    assert api.login(EVE)


def test_a_name_is_that_of_one_factor(api: Api, clock: TestClock) -> None:
    ada, eve = with_app(api, clock), with_app(api, clock, EVE)
    by_ada, by_eve = log_in_with(api, ada), log_in_with(api, eve, EVE)
    body = {"name": "Telephone"}
    api.expect(200, "PATCH", f"/me/factors/{ada.id}", json=body, headers=by_ada.bearer)
    named = [each["id"] for each in listed(api, by_ada) + listed(api, by_eve) if each["name"]]
    assert named == [ada.id]


def test_an_app_that_waits_for_its_code_is_not_counted(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    begin(api, tokens, clock)
    [user] = Admin(api).users(q=EMAIL)
    assert user["factors"] == {}


def test_a_list_of_accounts_counts_the_factors_of_those_alone(api: Api, clock: TestClock) -> None:
    ada = user_id(api, log_in_with(api, with_app(api, clock)))
    with_app(api, clock, EVE)
    with api.app.state.runtime.db.connect() as connection:
        counted = factors.count_by_kind(connection, [ada])
    assert counted == {ada: {"totp": 1, "recovery_codes": 1}}


def test_one_that_is_undone_leaves_the_others(mail_api: MailApi, clock: TestClock) -> None:
    api = mail_api.api
    api.register()
    mail_api.verify(EMAIL)
    eve = with_app(api, clock, EVE)
    enrol(api, api.login(), clock)
    token = mail_api.mail(EMAIL, "new way to log in").token
    clock.advance(1)
    enrol(api, log_in_with(api, eve, EVE), clock)
    assert mail_api.post("/email/undo", token=token) == 204
    by_eve = log_in_with(api, eve, EVE)
    assert sorted(str(each["kind"]) for each in listed(api, by_eve)) == [
        *("recovery_codes", "totp", "totp"),
    ]


def test_the_way_in_of_another_is_none_of_ones_own(make_api: MakeApi, provider: Provider) -> None:
    api = make_api(identity_providers=[provider.setting])
    passkeys.registered(api, api.register_and_login(EVE))
    tokens = logged_in(api, provider)
    [factor] = listed(api, tokens)
    api.expect(409, "DELETE", f"/me/factors/{factor['id']}", headers=tokens.bearer)


def test_the_oldest_is_listed_first(api: Api, clock: TestClock) -> None:
    first = with_app(api, clock)
    added = [first.id, *(enrol(api, log_in_with(api, first), clock).id for _ in range(4))]
    apps = [each for each in listed(api, log_in_with(api, first)) if each["kind"] == "totp"]
    assert [app["id"] for app in apps] == added
