"""What an operator sees of factors and does to them, over HTTP and by commands."""

import pytest

from authapi.services.factors import totp
from authapi.services.factors.totp import reseal_totp_secrets
from tests.cli.conftest import Authapi
from tests.mail.conftest import MailApi
from tests.support.administration import ADMIN, ROOT, Admin, account
from tests.support.api import EMAIL, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import (
    count,
    enrol,
    first_step,
    log_in_with,
    second_step,
    with_app,
)
from tests.support.settings import SECRET

OTHER_SECRET = "another secret for tests which is long enough"


def test_an_administrator_sees_the_kinds(api: Api, clock: TestClock) -> None:
    with_app(api, clock)
    api.register("bob@example.com")
    admin = Admin(api)
    found = {user["email"]: user for user in admin.users()}
    wanted = {"totp": 1, "recovery_codes": 1}
    assert found[EMAIL]["factors"] == wanted
    assert found["bob@example.com"]["factors"] == {}
    assert admin.expect(200, "GET", f"/users/{found[EMAIL]['id']}")["factors"] == wanted


def test_a_reset_removes_them_and_ends_every_session(mail_api: MailApi, clock: TestClock) -> None:
    api = mail_api.api
    app = with_app(api, clock)
    tokens = log_in_with(api, app)
    admin = Admin(api)
    [user] = admin.users(q=EMAIL)
    admin.expect(204, "POST", f"/users/{user['id']}/factors/reset")
    assert api.verify(tokens) == 401
    assert count(api.app.state.runtime.db, "factors") == 0
    api.login()
    [event] = admin.events(type="factors_reset")
    assert (event["user_id"], event["actor_id"]) == (user["id"], admin.id)
    assert event["details"] == {"removed": 2}
    assert "second factors" in " ".join(mail_api.mail(EMAIL, "logged out").text.split())


def test_a_reset_ends_a_log_in_that_waits(api: Api, clock: TestClock) -> None:
    """Who waits knows the password; the app that its owner adds next proves nothing for him."""
    with_app(api, clock)
    waiting = first_step(api)
    admin = Admin(api)
    [user] = admin.users(q=EMAIL)
    admin.expect(204, "POST", f"/users/{user['id']}/factors/reset")
    app = enrol(api, api.login(), clock)
    answer = second_step(api, waiting["auth_session"], totp_code=app.next_code())
    assert answer.status_code == 400


@sqlite_only
def test_a_reset_of_nobody_is_not_found(api: Api) -> None:
    Admin(api).expect(404, "POST", f"/users/{'A' * 22}/factors/reset")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/users/{id}", {"disabled": True}),
        ("POST", "/users", {"email": "eve@example.com"}),
        ("DELETE", "/users/{id}", None),
        ("POST", "/users/{id}/sign-out", None),
        ("POST", "/users/{id}/password-reset", None),
        ("POST", "/users/{id}/factors/reset", None),
        ("DELETE", "/users/{id}/sessions/{id}", None),
    ],
)
def test_an_administrator_with_a_second_factor_acts_by_it(
    api: Api, clock: TestClock, method: str, path: str, body: dict[str, object] | None
) -> None:
    bob = account(api, "bob@example.com")
    admin = Admin(api)
    app = enrol(api, admin.tokens, clock)
    for level in ("aal1", "aal2"):
        answer = admin.ask(method, path.replace("{id}", bob), json=body)
        if level == "aal1":
            assert answer.status_code == 401
            assert 'acr_values="aal2"' in answer.headers["www-authenticate"]
            assert admin.expect(200, "GET", f"/users/{bob}")["disabled"] is False
            assert len(admin.users()) == 2
        else:
            assert answer.status_code in {200, 201, 202, 204, 404}
        admin.tokens = log_in_with(api, app, ROOT)
    assert ADMIN in admin.expect(200, "GET", f"/users/{admin.id}")["scopes"]


def test_commands_list_and_reset_them(
    configured: str, authapi: Authapi, api: Api, clock: TestClock
) -> None:
    app = with_app(api, clock)
    log_in_with(api, app)
    lines = authapi("users", "factors", EMAIL, "list").output.splitlines()
    assert sorted(line.split("\t")[1] for line in lines) == ["recovery_codes", "totp"]
    assert any(line.startswith(app.id) for line in lines)
    outcome = authapi("users", "factors", EMAIL, "reset")
    assert outcome.status == 0
    assert outcome.output == f"Removed the factors of {EMAIL}; 2 session(s) ended.\n"
    assert authapi("users", "factors", EMAIL, "list").output == ""
    api.login()


@sqlite_only
def test_commands_name_who_is_not_there(configured: str, authapi: Authapi, api: Api) -> None:
    api.expect(200, "GET", "/readyz")
    for action in ("list", "reset"):
        assert "no user" in authapi("users", "factors", "eve@example.com", action).sentence
    assert authapi("users", "factors", EMAIL, "burn").status == 2


def test_after_a_new_secret_and_a_reseal_the_codes_still_work(
    make_api: MakeApi, clock: TestClock
) -> None:
    app = with_app(make_api(), clock)
    both = make_api(secret=f"{OTHER_SECRET},{SECRET}")
    assert second_step(
        both, first_step(both)["auth_session"], totp_code=app.next_code()
    ).status_code == (200)
    runtime = both.app.state.runtime
    assert reseal_totp_secrets(runtime.db, runtime.settings) == 1
    assert reseal_totp_secrets(runtime.db, runtime.settings) == 0
    new = make_api(secret=OTHER_SECRET)
    answer = second_step(new, first_step(new)["auth_session"], totp_code=app.next_code())
    assert answer.status_code == 200


@sqlite_only
def test_a_reseal_in_several_batches_leaves_each_app_its_own_secret(
    make_api: MakeApi, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totp, "RESEALED_AT_ONCE", 2)
    apps = {name: with_app(make_api(), clock, f"{name}@example.com") for name in "abcde"}
    both = make_api(secret=f"{OTHER_SECRET},{SECRET}")
    both.expect(200, "GET", "/readyz")  # seals the signing keys anew
    runtime = both.app.state.runtime
    assert reseal_totp_secrets(runtime.db, runtime.settings) == 5
    new = make_api(secret=OTHER_SECRET)
    for name, app in apps.items():
        assert log_in_with(new, app, f"{name}@example.com")


@sqlite_only
def test_a_secret_that_no_longer_opens_is_a_wrong_code(make_api: MakeApi, clock: TestClock) -> None:
    app = with_app(make_api(), clock)
    both = make_api(secret=f"{OTHER_SECRET},{SECRET}")
    both.expect(200, "GET", "/readyz")  # seals the signing keys anew
    new = make_api(secret=OTHER_SECRET)
    waiting = first_step(new)["auth_session"]
    assert second_step(new, waiting, totp_code=app.next_code()).status_code == 400
    # A recovery code is a digest without a key.
    assert second_step(new, waiting, recovery_code=app.recovery_codes[0]).status_code == 200
