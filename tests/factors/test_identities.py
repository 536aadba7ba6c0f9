"""Linking an identity to an account: POST /me/identities."""

from functools import partial

import pytest

from authapi.services.factors import identities
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support import passkeys
from tests.support.api import EMAIL, Api, Tokens
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import enrol, log_in_with, with_app
from tests.support.provider import Provider, log_in, logged_in, me, statuses_of
from tests.support.together import together

NEW = "a new and longer phrase"


@pytest.fixture
def api(make_api: MakeApi, provider: Provider) -> Api:
    return make_api(identity_providers=[provider.setting])


def sent(provider: Provider, token: str | None = None, **more: object) -> dict[str, object]:
    return {"provider": provider.name, "id_token": token or provider.token(), **more}


def event_types(api: Api, tokens: Tokens) -> list[str]:
    events = api.expect(200, "GET", "/me/events", headers=tokens.bearer).json()["events"]
    return [event["type"] for event in events]


def test_a_linked_identity_logs_in_to_the_account(api: Api, provider: Provider) -> None:
    ada = api.register_and_login()
    factor = api.expect(201, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)
    body = factor.json()
    assert (body["kind"], body["provider"], body["name"]) == ("identity", provider.name, None)
    assert (body["last_used_at"], len(body["id"])) == (None, 22)
    assert me(api, logged_in(api, provider)) == me(api, ada)
    assert event_types(api, ada).count("factor_added") == 1


def test_the_provider_need_not_know_the_accounts_address(api: Api, provider: Provider) -> None:
    ada = api.register_and_login()
    token = provider.token(email="relay@private.example", email_verified=False)
    api.expect(201, "POST", "/me/identities", json=sent(provider, token), headers=ada.bearer)
    assert me(api, logged_in(api, provider))["email"] == EMAIL


def test_to_link_it_again_changes_nothing(api: Api, provider: Provider) -> None:
    ada = api.register_and_login()
    answers = [
        api.expect(201, "POST", "/me/identities", json=sent(provider), headers=ada.bearer).json()
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert event_types(api, ada).count("factor_added") == 1


def test_an_identity_of_another_account_stays_there(api: Api, provider: Provider) -> None:
    eve = api.register_and_login("eve@example.com")
    owner = me(api, logged_in(api, provider))
    answer = api.expect(409, "POST", "/me/identities", json=sent(provider), headers=eve.bearer)
    assert answer.json()["error"] == "already_linked"
    assert me(api, logged_in(api, provider)) == owner


def test_of_two_accounts_at_once_one_gets_it(api: Api, provider: Provider) -> None:
    emails = ["ada@example.com", "bob@example.com", "eve@example.com"]
    headers = [api.register_and_login(email).bearer for email in emails]
    logged_in(api, provider, provider.token(sub="warm", email="warm@example.com"))
    body = sent(provider)
    jobs = [partial(api.client.post, "/me/identities", json=body, headers=own) for own in headers]
    assert statuses_of(*jobs) == [201, 409, 409]


def test_a_first_log_in_and_a_link_at_once_agree(api: Api, provider: Provider) -> None:
    ada = api.register_and_login("ada@work.example")
    logged_in(api, provider, provider.token(sub="warm", email="warm@example.com"))
    link = partial(api.client.post, "/me/identities", json=sent(provider), headers=ada.bearer)
    linked, entered = together(link, partial(log_in, api, provider))
    assert not isinstance(linked, Exception)
    assert not isinstance(entered, Exception)
    assert entered.status_code == 200
    assert linked.status_code in {201, 409}
    whose = me(api, Tokens(entered.json()))["email"]
    assert whose == ("ada@work.example" if linked.status_code == 201 else EMAIL)


@sqlite_only
def test_it_needs_a_fresh_log_in(api: Api, provider: Provider, clock: TestClock) -> None:
    ada = api.register_and_login()
    clock.advance(601)
    answer = api.expect(401, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)
    assert answer.json()["error"] == "insufficient_user_authentication"
    assert provider.asked == []


def test_with_a_second_factor_it_needs_that_too(
    api: Api, provider: Provider, clock: TestClock
) -> None:
    ada = api.register_and_login()
    enrol(api, ada, clock)
    answer = api.expect(401, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)
    assert answer.json()["error"] == "insufficient_user_authentication"
    assert 'acr_values="aal2"' in answer.headers["WWW-Authenticate"]


@sqlite_only
def test_a_bad_token_links_nothing(api: Api, provider: Provider) -> None:
    ada = api.register_and_login()
    for token, nonce in ((provider.token(aud="another"), None), (provider.token(), "a nonce")):
        body = sent(provider, token, **({"nonce": nonce} if nonce else {}))
        answer = api.expect(401, "POST", "/me/identities", json=body, headers=ada.bearer)
        assert answer.json()["error"] == "invalid_credentials"
    body = sent(provider) | {"provider": "another"}
    api.expect(422, "POST", "/me/identities", json=body, headers=ada.bearer)
    assert "factor_added" not in event_types(api, ada)


@sqlite_only
def test_bad_tokens_count_as_failures_of_the_address(make_api: MakeApi, provider: Provider) -> None:
    api = make_api(identity_providers=[provider.setting], limit_login_address="3/minute")
    ada = api.register_and_login()
    body = sent(provider, provider.token(aud="another"))
    for _ in range(3):
        api.expect(401, "POST", "/me/identities", json=body, headers=ada.bearer)
    api.expect(429, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)


@sqlite_only
def test_links_count_as_registrations(make_api: MakeApi, provider: Provider) -> None:
    api = make_api(identity_providers=[provider.setting], limit_register="3/hour")
    ada = api.register_and_login()
    tokens = [provider.token(sub=f"s{number}") for number in range(3)]
    bodies = [sent(provider, token) for token in tokens]
    statuses = [
        api.client.post("/me/identities", json=body, headers=ada.bearer).status_code
        for body in bodies
    ]
    assert statuses == [201, 201, 429]


def test_an_account_has_at_most_twenty(
    make_api: MakeApi, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert identities.MOST_IDENTITIES == 20
    monkeypatch.setattr(identities, "MOST_IDENTITIES", 3)
    api = make_api(identity_providers=[provider.setting], limit_register="")
    ada = api.register_and_login()
    bodies = [sent(provider, provider.token(sub=f"s{number}")) for number in range(9)]
    api.expect(201, "POST", "/me/identities", json=bodies[0], headers=ada.bearer)
    jobs = [
        partial(api.client.post, "/me/identities", json=body, headers=ada.bearer)
        for body in bodies[1:]
    ]
    assert statuses_of(*jobs) == [201] * 2 + [422] * 6
    answer = api.expect(422, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)
    assert answer.json()["errors"][0]["type"] == "too_many"
    # One's own is there already, and another account's is still another account's.
    api.expect(201, "POST", "/me/identities", json=bodies[0], headers=ada.bearer)
    logged_in(api, provider, provider.token(sub="eve", email="eve@example.com"))
    eves = sent(provider, provider.token(sub="eve"))
    api.expect(409, "POST", "/me/identities", json=eves, headers=ada.bearer)
    factor = api.expect(200, "GET", "/me/factors", headers=ada.bearer).json()[0]["id"]
    api.expect(204, "DELETE", f"/me/factors/{factor}", headers=ada.bearer)
    api.expect(201, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)


@sqlite_only
def test_other_factors_are_no_identities(
    api: Api, provider: Provider, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities, "MOST_IDENTITIES", 1)
    ada = log_in_with(api, with_app(api, clock))
    api.expect(201, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)


@sqlite_only
def test_a_mail_tells_of_the_link(make_mail_api: MakeMailApi, provider: Provider) -> None:
    mail_api = make_mail_api(identity_providers=[provider.setting])
    ada = mail_api.api.register_and_login()
    for _ in range(2):
        headers = {**ada.bearer, "Accept-Language": "de"}
        mail_api.api.expect(201, "POST", "/me/identities", json=sent(provider), headers=headers)
    assert "einen anderen Dienst" in mail_api.mail(EMAIL, "neuen Weg").text


@pytest.mark.parametrize("is_verified", [False, True])
def test_a_reset_ends_what_a_stranger_linked_before_the_address_was_verified(
    make_mail_api: MakeMailApi, provider: Provider, is_verified: bool
) -> None:
    """The kind: somebody registers with your address, and leaves a way in of their own."""
    mail_api = make_mail_api(identity_providers=[provider.setting])
    api = mail_api.api
    stranger = api.register_and_login()
    if is_verified:
        mail_api.verify(EMAIL)
    token = provider.token(email="stranger@example.com")
    api.expect(201, "POST", "/me/identities", json=sent(provider, token), headers=stranger.bearer)
    mail_api.reset(EMAIL, NEW)
    profile = me(api, logged_in(api, provider, token))
    assert profile["email"] == (EMAIL if is_verified else "stranger@example.com")


@pytest.mark.parametrize("is_verified", [False, True])
def test_a_reset_ends_a_passkey_of_before_the_address_was_verified(
    mail_api: MailApi, is_verified: bool
) -> None:
    """The same kind: a passkey opens an account alone, too."""
    api = mail_api.api
    stranger = api.register_and_login()
    if is_verified:
        mail_api.verify(EMAIL)
    authenticator = passkeys.registered(api, stranger)
    mail_api.reset(EMAIL, NEW)
    answer = passkeys.logged_in(api, authenticator)
    assert answer.status_code == (200 if is_verified else 401)


@sqlite_only
def test_it_is_listed_with_its_provider(api: Api, provider: Provider) -> None:
    tokens = logged_in(api, provider)
    [factor] = api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json()
    assert (factor["kind"], factor["provider"]) == ("identity", provider.name)
    exported = api.expect(200, "GET", "/me/export", headers=tokens.bearer).json()
    assert exported["factors"] == [factor]


@sqlite_only
def test_the_only_way_in_stays(api: Api, provider: Provider) -> None:
    tokens = logged_in(api, provider)
    [factor] = api.expect(200, "GET", "/me/factors", headers=tokens.bearer).json()
    api.expect(409, "DELETE", f"/me/factors/{factor['id']}", headers=tokens.bearer)
    logged_in(api, provider)


@sqlite_only
def test_a_removed_identity_logs_in_no_more(api: Api, provider: Provider) -> None:
    ada = api.register_and_login()
    factor = api.expect(201, "POST", "/me/identities", json=sent(provider), headers=ada.bearer)
    api.expect(204, "DELETE", f"/me/factors/{factor.json()['id']}", headers=ada.bearer)
    assert log_in(api, provider).json()["error"] == "already_registered"
