"""Whose account an ID token opens, which it begins, and what else a log-in does."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from sqlalchemy import func, select

from authapi.db import factors, users
from authapi.db.factors import NewFactor
from authapi.db.models import Identity, User
from authapi.services.accounts import proven_registration
from authapi.services.accounts.administration import get_by_email
from authapi.services.factors import identities
from authapi.services.factors.steps import Kind
from tests.mail.conftest import MakeMailApi
from tests.support.administration import Admin, runtime_of
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.cookies import set_cookies
from tests.support.databases import sqlite_only
from tests.support.factors import enrol, execute, second_step
from tests.support.provider import (
    METADATA,
    Key,
    Provider,
    log_in,
    logged_in,
    me,
    serving,
    statuses_of,
)
from tests.support.until import until

CONFIRMED = {"registration_confirms_email": True}
FOREIGN = {"Origin": "https://evil.example"}


@pytest.fixture
def api(make_api: MakeApi, provider: Provider) -> Api:
    return make_api(identity_providers=[provider.setting])


def counts(api: Api) -> tuple[int, int]:
    """Return how many accounts and identities there are."""
    with runtime_of(api).db.connect() as connection:
        accounts = connection.scalar(select(func.count()).select_from(User))
        linked = connection.scalar(select(func.count()).select_from(Identity))
    return accounts or 0, linked or 0


def refused(
    api: Api, provider: Provider, token: str | None = None, **more: object
) -> tuple[int, str]:
    answer = log_in(api, provider, token, **more)
    return answer.status_code, answer.json()["error"]


def link(api: Api, provider: Provider, token: str | None = None) -> None:
    sent = {"provider": provider.name, "id_token": token or provider.token()}
    api.expect(201, "POST", "/me/identities", json=sent, headers=api.login().bearer)


def add_second_factor(api: Api, email: str = EMAIL) -> None:
    """Let the account have a TOTP in force, whose secret nobody needs here."""
    db = runtime_of(api).db
    with db.begin() as tx:
        account = users.find_by_email(tx, email)
        assert account
        new = NewFactor("T" * 22, account.id, Kind.TOTP, None, is_second=True, is_in_force=True)
        factors.add(tx, new)


def test_the_first_log_in_begins_an_account_and_the_next_finds_it(
    api: Api, provider: Provider
) -> None:
    first = logged_in(api, provider)
    profile = me(api, first)
    assert (profile["email"], profile["email_verified"]) == (EMAIL, True)
    assert profile["username"] is None
    again = logged_in(api, provider)
    assert me(api, again) == profile
    assert counts(api) == (1, 1)


def test_the_session_says_that_a_provider_vouched(api: Api, provider: Provider) -> None:
    tokens = logged_in(api, provider)
    claims = runtime_of(api).verifier.verify(tokens.access)
    assert (claims.raw["amr"], claims.raw["acr"]) == (["fed"], "aal1")


def test_the_events_tell_of_it(api: Api, provider: Provider) -> None:
    tokens = logged_in(api, provider)
    events = api.expect(200, "GET", "/me/events", headers=tokens.bearer).json()["events"]
    types = ["user_registered", "email_verified", "factor_added", "login_succeeded"]
    assert sorted(event["type"] for event in events) == sorted(types)
    [added] = [event["details"] for event in events if event["type"] == "factor_added"]
    assert added["kind"] == "identity"


@sqlite_only
def test_the_account_has_no_password_and_can_get_one(api: Api, provider: Provider) -> None:
    logged_in(api, provider)
    for password in ("!", "", PASSWORD):
        answer = api.client.post("/login", json={"email": EMAIL, "password": password})
        assert answer.status_code == 401
    api.expect(202, "POST", "/password/forgot", json={"email": EMAIL})


UNVERIFIED: dict[str, dict[str, object]] = {
    "false": {"email_verified": False},
    "missing": {"email_verified": None},
    "false as text": {"email_verified": "false"},
    "True as text": {"email_verified": "True"},
    "one": {"email_verified": 1},
    "no address": {"email": None},
    "a list": {"email": [EMAIL]},
    "no address of the Internet": {"email": "ada@localhost"},
    "two in one": {"email": "ada@example.com,eve@example.com"},
    "a line break": {"email": "ada@example.com\nBcc: eve@example.com"},
    "long": {"email": "a" * 2000 + "@example.com"},
}


@sqlite_only
@pytest.mark.parametrize("changes", UNVERIFIED.values(), ids=UNVERIFIED)
def test_an_unverified_address_begins_no_account(
    api: Api, provider: Provider, changes: dict[str, Any]
) -> None:
    answer = refused(api, provider, provider.token(**changes))
    assert answer == (403, "email_not_verified")
    assert counts(api) == (0, 0)


def test_an_unverified_address_tells_nothing_of_an_account(api: Api, provider: Provider) -> None:
    api.register()
    token = provider.token(email_verified=False)
    assert refused(api, provider, token) == (403, "email_not_verified")


@sqlite_only
def test_a_linked_identity_needs_no_address(api: Api, provider: Provider) -> None:
    first = me(api, logged_in(api, provider))
    token = provider.token(email=None, email_verified=None)
    assert me(api, logged_in(api, provider, token)) == first


def test_an_account_with_the_address_is_never_opened(api: Api, provider: Provider) -> None:
    api.register()
    assert refused(api, provider) == (409, "already_registered")
    assert refused(api, provider, provider.token(email="ADA@EXAMPLE.com"))[0] == 409
    assert counts(api) == (1, 0)


def test_an_address_in_other_hands_opens_no_account_of_before(api: Api, provider: Provider) -> None:
    ada = me(api, logged_in(api, provider))
    # The address is given to another person, whose identity has another `sub`.
    taken_over = provider.token(sub="another-subject")
    assert refused(api, provider, taken_over) == (409, "already_registered")
    assert me(api, logged_in(api, provider)) == ada


def test_the_same_subject_elsewhere_is_another_person(
    make_api: MakeApi, provider: Provider, clock: TestClock
) -> None:
    other = Provider(clock, name="other", key=Key("first"))
    with serving(other):
        api = make_api(identity_providers=[provider.setting, other.setting])
        ada = me(api, logged_in(api, provider))
        assert refused(api, other) == (409, "already_registered")
        bob = me(api, logged_in(api, other, other.token(email="bob@example.com")))
        assert bob["id"] != ada["id"]


def test_closed_registration_lets_in_who_has_an_account(
    make_api: MakeApi, provider: Provider
) -> None:
    setting = [provider.setting]
    api = make_api(identity_providers=setting)
    ada = me(api, logged_in(api, provider))
    closed = make_api(identity_providers=setting, registration="closed")
    assert me(closed, logged_in(closed, provider)) == ada
    new = provider.token(sub="new", email="bob@example.com")
    assert refused(closed, provider, new) == (403, "registration_closed")
    assert refused(closed, provider, provider.token(sub="new")) == (409, "already_registered")


def test_an_address_that_its_owner_may_want_back_begins_no_account(
    make_mail_api: MakeMailApi, provider: Provider
) -> None:
    setting = [provider.setting]
    mail_api = make_mail_api(identity_providers=setting)
    tokens = mail_api.api.register_and_login()
    mail_api.verify(EMAIL)
    change = {"email": "thief@new.example", "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", json=change, headers=tokens.bearer)
    token = mail_api.mail("thief@new.example").token
    assert mail_api.post("/email/verify", token=token) == 204
    closed = make_mail_api(identity_providers=setting, registration="closed")
    for each in (mail_api.api, closed.api):
        assert refused(each, provider) == (409, "already_registered")
    assert counts(mail_api.api) == (1, 0)


@sqlite_only
def test_new_accounts_count_as_registrations(make_api: MakeApi, provider: Provider) -> None:
    api = make_api(identity_providers=[provider.setting], limit_register="2/hour")
    for number in range(2):
        token = provider.token(sub=f"s{number}", email=f"s{number}@example.com")
        logged_in(api, provider, token)
    token = provider.token(sub="third", email="third@example.com")
    assert refused(api, provider, token) == (429, "rate_limited")
    logged_in(api, provider, provider.token(sub="s0"))


def test_the_proven_owner_wins_over_a_registration_that_waits(
    make_mail_api: MakeMailApi, provider: Provider
) -> None:
    mail_api = make_mail_api(identity_providers=[provider.setting], **CONFIRMED)
    api, theirs = mail_api.api, "a stranger's own phrase"
    api.expect(200, "GET", "/readyz")
    wanted = {"email": EMAIL, "password": theirs, "username": "ada"}
    api.expect(202, "POST", "/register", json=wanted)
    mail = mail_api.mail(EMAIL, "Confirm your registration")
    ada = me(api, logged_in(api, provider))
    assert (ada["email_verified"], ada["username"]) == (True, None)
    api.expect(400, "POST", "/email/verify", json={"token": mail.token})
    api.expect(400, "POST", "/email/verify", json={"email": EMAIL, "code": mail.code})
    answer = api.client.post("/login", json={"email": EMAIL, "password": theirs})
    assert answer.json()["error"] == "invalid_credentials"


def test_of_two_first_log_ins_at_once_one_begins_the_account(api: Api, provider: Provider) -> None:
    api.expect(200, "GET", "/readyz")
    logged_in(api, provider, provider.token(sub="warm", email="warm@example.com"))
    token = provider.token()
    assert statuses_of(*[partial(log_in, api, provider, token)] * 6) == [200] * 6
    assert counts(api) == (2, 2)


def test_a_log_in_that_comes_between_is_no_conflict(
    api: Api, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another request of the person makes the account after this one has found none.
    register = proven_registration.register_proven

    def register_late(*arguments: Any) -> None:
        monkeypatch.setattr(identities, "register_proven", register)
        logged_in(api, provider)
        register(*arguments)

    monkeypatch.setattr(identities, "register_proven", register_late)
    logged_in(api, provider)
    assert counts(api) == (1, 1)


def test_two_identities_at_once_with_one_address_are_one_account(
    api: Api, provider: Provider
) -> None:
    logged_in(api, provider, provider.token(sub="warm", email="warm@example.com"))
    tokens = [provider.token(sub=f"s{number}") for number in range(4)]
    jobs = [partial(log_in, api, provider, token) for token in tokens]
    assert statuses_of(*jobs) == [200, 409, 409, 409]
    assert counts(api) == (2, 2)


def test_a_disabled_account_is_refused_as_a_bad_token_is(api: Api, provider: Provider) -> None:
    ada = me(api, logged_in(api, provider))
    Admin(api).change(ada["id"], disabled=True)
    bad = log_in(api, provider, provider.token(aud="another"))
    disabled = log_in(api, provider)
    assert (disabled.status_code, disabled.content) == (401, bad.content)
    add_second_factor(api)
    assert log_in(api, provider).content == bad.content


def test_a_second_factor_is_asked_for(api: Api, provider: Provider) -> None:
    logged_in(api, provider)
    add_second_factor(api)
    answer = log_in(api, provider)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (400, "insufficient_authorization")
    assert (body["methods"], body["expires_in"]) == (["totp"], 300)
    assert "access_token" not in body


def test_a_code_completes_the_log_in(api: Api, provider: Provider, clock: TestClock) -> None:
    first = logged_in(api, provider)
    app = enrol(api, first, clock)
    for transport in ("bearer", "cookie"):
        asked = log_in(api, provider, transport=transport)
        assert asked.status_code == 400
        assert not asked.headers.get_list("set-cookie")
        answer = second_step(api, asked.json()["auth_session"], totp_code=app.next_code())
        assert answer.status_code == 200, answer.text
        assert bool(set_cookies(answer)) == (transport == "cookie")
    answer = second_step(
        api, log_in(api, provider).json()["auth_session"], totp_code=app.next_code()
    )
    claims = runtime_of(api).verifier.verify(answer.json()["access_token"])
    assert (claims.raw["acr"], claims.raw["amr"]) == ("aal2", ["fed", "mfa", "otp"])


def test_a_log_in_is_noted_at_the_identity(api: Api, provider: Provider, clock: TestClock) -> None:
    logged_in(api, provider)
    clock.advance(60)
    logged_in(api, provider)
    with runtime_of(api).db.connect() as connection:
        [factor] = factors.list_in_force(connection, get_by_email(runtime_of(api).db, EMAIL).id)
    assert factor.last_used_at == pytest.approx(clock(), abs=1)


def test_an_unverified_account_is_refused_where_the_setting_says_so(
    make_api: MakeApi, provider: Provider
) -> None:
    setting = [provider.setting]
    api = make_api(identity_providers=setting)
    api.register()
    link(api, provider)
    strict = make_api(identity_providers=setting, login_needs_verified_email=True)
    assert refused(strict, provider) == (403, "email_not_verified")
    logged_in(api, provider)
    execute(runtime_of(api).db, "UPDATE users SET disabled_at = 1")
    assert refused(strict, provider) == (401, "invalid_credentials")


def test_a_deleted_account_takes_its_identity_along(api: Api, provider: Provider) -> None:
    ada = me(api, logged_in(api, provider))
    Admin(api).expect(204, "DELETE", f"/users/{ada['id']}")
    assert me(api, logged_in(api, provider))["id"] != ada["id"]
    assert counts(api) == (2, 1)


@sqlite_only
def test_bad_tokens_count_as_failures_of_the_address(make_api: MakeApi, provider: Provider) -> None:
    api = make_api(identity_providers=[provider.setting], limit_login_address="3/minute")
    bad = provider.token(aud="another")
    for _ in range(3):
        assert refused(api, provider, bad) == (401, "invalid_credentials")
    assert refused(api, provider) == (429, "rate_limited")


@sqlite_only
def test_good_tokens_count_as_log_ins(make_api: MakeApi, provider: Provider) -> None:
    api = make_api(identity_providers=[provider.setting], limit_login_success="2/hour")
    for _ in range(2):
        logged_in(api, provider)
    assert refused(api, provider) == (429, "rate_limited")


@sqlite_only
def test_strangers_who_guess_passwords_lock_nobody_out(
    make_api: MakeApi, provider: Provider
) -> None:
    api = make_api(identity_providers=[provider.setting], limit_login_account="2/hour")
    api.register()
    link(api, provider)
    wrong = {"email": EMAIL, "password": "wrong"}
    statuses = {api.client.post("/login", json=wrong).status_code for _ in range(4)}
    assert 401 in statuses
    logged_in(api, provider)


@sqlite_only
def test_each_transport_hands_over_what_it_does_after_a_password(
    api: Api, provider: Provider
) -> None:
    kinds = {"bearer": set(), "hybrid": {"refresh"}, "cookie": {"access", "refresh"}}
    for transport, cookies in (kinds | {"session": {"session"}}).items():
        answer = log_in(api, provider, transport=transport)
        assert answer.status_code == 200, answer.text
        names = {name.rpartition("-")[2] for name in set_cookies(answer)}
        assert names == cookies
        assert ("csrf_token" in answer.json()) == bool(cookies)
        api.client.cookies.clear()


@sqlite_only
def test_a_session_that_need_not_be_remembered_has_no_max_age(api: Api, provider: Provider) -> None:
    answer = log_in(api, provider, transport="cookie", remember=False)
    assert {cookie.max_age for cookie in set_cookies(answer).values()} == {None}


@sqlite_only
def test_the_token_is_for_the_resource(make_api: MakeApi, provider: Provider) -> None:
    api = make_api(identity_providers=[provider.setting], audiences="reports")
    answer = log_in(api, provider, resource="reports")
    claims = runtime_of(api).verifier_for_all.verify(answer.json()["access_token"])
    assert claims.audiences == {"reports"}
    assert refused(api, provider, resource="another") == (400, "invalid_target")


@sqlite_only
def test_a_foreign_page_logs_nobody_in_by_cookie(api: Api, provider: Provider) -> None:
    sent = {"provider": provider.name, "id_token": provider.token(), "transport": "cookie"}
    answer = api.client.post("/login/id-token", json=sent, headers=FOREIGN)
    assert (answer.status_code, answer.json()["error"]) == (403, "csrf_failed")
    assert not answer.headers.get_list("set-cookie")
    assert counts(api) == (0, 0)


@sqlite_only
def test_a_session_that_comes_along_is_revoked(api: Api, provider: Provider) -> None:
    before = api.register_and_login("eve@example.com")
    sent = {"provider": provider.name, "id_token": provider.token()}
    api.expect(200, "POST", "/login/id-token", json=sent, headers=before.bearer)
    assert api.verify(before) == 401


@sqlite_only
def test_a_new_device_is_told_by_mail(make_mail_api: MakeMailApi, provider: Provider) -> None:
    mail_api = make_mail_api(identity_providers=[provider.setting])
    api = mail_api.api
    logged_in(api, provider)
    assert mail_api.mails(EMAIL) == []
    sent = {"provider": provider.name, "id_token": provider.token()}
    elsewhere = {"User-Agent": "another browser"}
    api.expect(200, "POST", "/login/id-token", json=sent, headers=elsewhere)
    assert len(mail_api.mails(EMAIL)) == 1


def wait(provider: Provider, _: BaseHTTPRequestHandler) -> None:
    provider.released.wait(60)


def test_a_provider_that_says_nothing_holds_up_nobody_else(
    make_api: MakeApi, provider: Provider
) -> None:
    api = make_api(identity_providers=[provider.setting], limit_login_address="")
    api.register()
    provider.instead[METADATA] = wait
    # More than there are threads for requests, and connections of the database.
    with ThreadPoolExecutor(60) as pool:
        entering = [pool.submit(log_in, api, provider) for _ in range(60)]
        until(lambda: METADATA in provider.asked, seconds=60)
        api.login()
        assert not all(each.done() for each in entering)
        assert {each.result(120).status_code for each in entering} == {503}
