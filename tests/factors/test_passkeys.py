"""Passkeys over HTTP: added, and used to log in."""

from threading import Event

import pytest

from authapi.crypto.challenges import LIFETIME_SECONDS
from authapi.db import users
from authapi.db.database import Database
from authapi.services.operation.purge import purge_all
from tests.mail.conftest import MailApi
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.application import MakeApi
from tests.support.authenticator import BE, BS, UP, UV, Authenticator, Lies, b64, unb64
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import claims, count, enrol
from tests.support.passkeys import (
    NEW,
    NEW_OPTIONS,
    OPTIONS,
    ask,
    assert_error,
    fresh_by_passkey,
    logged_in,
    registered,
    send,
    user_id,
)


@sqlite_only
def test_a_challenge_stays_spent_for_a_process_whose_clock_is_behind(
    api: Api, clock: TestClock, db: Database
) -> None:
    authenticator = registered(api, api.register_and_login())
    kept = count(db, "spent_challenges")
    logged_in(api, authenticator)
    settings = api.app.state.runtime.settings
    for seconds, left in ((LIFETIME_SECONDS + 30, kept + 1), (31, 0)):
        clock.advance(seconds)
        purge_all(db, settings, Event())
        assert count(db, "spent_challenges") == left


def test_a_passkey_is_added_and_logs_in_without_a_name(api: Api) -> None:
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    authenticator = Authenticator()
    made = authenticator.create(asked["options"])
    answer = send(api, NEW, asked, made, name="Phone", headers=tokens.bearer)
    assert answer.status_code == 201
    factor = answer.json()
    assert factor["kind"] == "passkey"
    assert (factor["name"], factor["last_used_at"]) == ("Phone", None)
    assert (factor["backup_eligible"], factor["backed_up"]) == (True, True)
    opened = Tokens(logged_in(api, authenticator).json())
    told = claims(api, opened)
    assert told["sub"] == user_id(api, tokens)
    assert (told["acr"], told["amr"]) == ("aal2", ["mfa", "pop"])


def test_a_passkey_tells_whether_it_is_backed_up_by_now(api: Api) -> None:
    authenticator = registered(api, api.register_and_login(), Authenticator(flags=UP | UV | BE))
    tokens = fresh_by_passkey(api, authenticator)
    told = []
    for flags in (UP | UV | BE, UP | UV | BE | BS):
        authenticator.flags = flags
        assert logged_in(api, authenticator).status_code == 200
        [factor] = api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json()
        told.append((factor["backup_eligible"], factor["backed_up"]))
        assert factor["last_used_at"] is not None
    assert told == [(True, False), (True, True)]


def test_the_options_for_a_new_passkey_are_those_of_webauthn(api: Api) -> None:
    tokens = api.register_and_login()
    first = registered(api, tokens)
    tokens = Tokens(logged_in(api, first).json())
    options = ask(api, NEW_OPTIONS, tokens)["options"]
    assert options["rp"]["id"] == "localhost"
    assert options["user"] == {"id": user_id(api, tokens), "name": EMAIL, "displayName": EMAIL}
    assert len(unb64(options["user"]["id"])) == 16
    assert len(unb64(options["challenge"])) == 32
    assert [kind["alg"] for kind in options["pubKeyCredParams"]] == [-8, -7, -257]
    assert options["attestation"] == "none"
    assert options["excludeCredentials"] == [
        {"type": "public-key", "id": b64(first.id), "transports": ["internal", "hybrid"]}
    ]


def test_an_account_can_have_several_passkeys(api: Api) -> None:
    tokens = api.register_and_login()
    several = [registered(api, tokens)]
    proven = Tokens(logged_in(api, several[0]).json())
    several += [registered(api, proven) for _ in range(2)]
    assert [logged_in(api, each).status_code for each in several] == [200, 200, 200]


def test_a_password_alone_opens_nothing_once_there_is_a_passkey(api: Api) -> None:
    tokens = api.register_and_login()
    registered(api, tokens)
    answer = api.client.post("/login", json={"email": EMAIL, "password": PASSWORD})
    assert_error(answer, 400, "insufficient_authorization")
    assert answer.json()["methods"] == ["passkey"]


def test_an_account_without_a_password_logs_in(api: Api, db: Database) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens)
    with db.begin() as tx:
        users.set_password(tx, user_id(api, tokens), "!")
    assert logged_in(api, authenticator).status_code == 200


def test_asking_writes_nothing_and_is_the_same_for_everybody(api: Api, db: Database) -> None:
    tokens = api.register_and_login()
    nobody = ask(api, OPTIONS)["options"]
    registered(api, tokens)
    before = db.statements.count
    asked = [ask(api, OPTIONS), ask(api, OPTIONS, tokens)]
    assert db.statements.count == before
    for each in asked:
        each["options"].pop("challenge")
    nobody.pop("challenge")
    assert [each["options"] for each in asked] == [nobody, nobody]
    assert nobody == {
        "timeout": 300_000,
        "rpId": "localhost",
        "allowCredentials": [],
        "userVerification": "required",
    }
    assert api.client.post(OPTIONS).status_code == 200  # and without a body


@pytest.mark.parametrize("transport", ["bearer", "hybrid", "cookie", "session"])
def test_each_transport_gets_what_login_gives(api: Api, transport: str) -> None:
    authenticator = registered(api, api.register_and_login())
    answer = logged_in(api, authenticator, transport=transport)
    assert answer.status_code == 200
    assert ("access_token" in answer.json()) == (transport in {"bearer", "hybrid"})
    assert bool(answer.headers.get_list("set-cookie")) == (transport != "bearer")


def test_a_log_in_by_passkey_ends_the_session_that_came_with_it(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens)
    assert logged_in(api, authenticator, headers=tokens.bearer).status_code == 200
    assert api.verify(tokens) == 401


def test_a_page_of_another_site_can_not_log_in_by_cookie(api: Api) -> None:
    authenticator = registered(api, api.register_and_login())
    foreign = {"Origin": "https://evil.example"}
    answer = logged_in(api, authenticator, transport="cookie", headers=foreign)
    assert_error(answer, 403, "csrf_failed")


def test_an_unverified_address_is_refused_where_the_setting_says_so(make_api: MakeApi) -> None:
    authenticator = registered(make_api(), make_api().register_and_login())
    strict = make_api(login_needs_verified_email=True)
    assert_error(logged_in(strict, authenticator), 403, "email_not_verified")


def test_what_is_written_is_told(api: Api) -> None:
    tokens = api.register_and_login()
    authenticator = registered(api, tokens)
    opened = Tokens(logged_in(api, authenticator).json())
    told = api.expect(200, "GET", "/me/events", headers=opened.bearer).json()["events"]
    [added] = [event for event in told if event["type"] == "factor_added"]
    assert added["details"]["kind"] == "passkey"
    assert [event["type"] for event in told].count("login_succeeded") == 2


@sqlite_only
def test_beside_a_second_factor_nobody_is_asked_for_a_passkey_without_it(
    api: Api, clock: TestClock
) -> None:
    tokens = api.register_and_login()
    enrol(api, tokens, clock)
    answer = api.client.post(NEW_OPTIONS, headers=tokens.bearer)
    assert_error(answer, 401, "insufficient_user_authentication")
    assert 'acr_values="aal2"' in answer.headers["www-authenticate"]


@sqlite_only
def test_a_mail_tells_of_a_new_passkey(mail_api: MailApi) -> None:
    registered(mail_api.api, mail_api.api.register_and_login())
    told = [" ".join(mail.text.split()) for mail in mail_api.mails(EMAIL)]
    assert sum("A passkey was added to your account" in each for each in told) == 1


def test_a_new_passkey_needs_a_fresh_log_in(api: Api, clock: TestClock) -> None:
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    clock.advance(601)
    late = api.client.post(NEW_OPTIONS, headers=tokens.bearer)
    assert_error(late, 401, "insufficient_user_authentication")
    made = Authenticator().create(asked["options"])
    answer = send(api, NEW, asked, made, headers=tokens.bearer)
    assert_error(answer, 401, "insufficient_user_authentication")


def test_other_origins_are_named_where_a_setting_names_them(make_api: MakeApi) -> None:
    origins = "https://app.example,https://other.test,android:apk-key-hash:" + "A" * 43
    api = make_api(
        public_url="https://auth.app.example", passkey_rp_id="app.example", passkey_origins=origins
    )
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    assert asked["options"]["rp"]["id"] == "app.example"
    authenticator = Authenticator()
    for origin, status in [("https://auth.app.example", 400), ("https://other.test", 201)]:
        asked = ask(api, NEW_OPTIONS, tokens)
        lies = Lies(origin=origin, rp_id="app.example")
        made = authenticator.create(asked["options"], lies)
        assert send(api, NEW, asked, made, headers=tokens.bearer).status_code == status
    answer = api.expect(200, "GET", "/.well-known/webauthn")
    assert answer.json() == {"origins": ["https://app.example", "https://other.test"]}
    assert answer.headers["content-type"] == "application/json"


@sqlite_only
def test_without_the_setting_there_are_no_related_origins(api: Api) -> None:
    api.expect(404, "GET", "/.well-known/webauthn")


ENROLL, MANAGE = "https://app.example/passkeys/new", "https://app.example/#/passkeys"


@sqlite_only
@pytest.mark.parametrize(
    ("pages", "told"),
    [
        (
            {"passkey_enroll_url": ENROLL, "passkey_manage_url": MANAGE},
            {"enroll": ENROLL, "manage": MANAGE},
        ),
        ({"passkey_enroll_url": ENROLL}, {"enroll": ENROLL}),
        ({"passkey_manage_url": MANAGE}, {"manage": MANAGE}),
        ({}, {}),
    ],
    ids=["both", "enroll", "manage", "none"],
)
def test_password_managers_find_the_pages_of_passkeys(
    make_api: MakeApi, pages: dict[str, str], told: dict[str, str]
) -> None:
    """W3C Passkey Endpoints, section 3.1: an empty object says that there are passkeys."""
    answer = make_api(**pages).expect(200, "GET", "/.well-known/passkey-endpoints")
    assert answer.json() == told
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=3600"
