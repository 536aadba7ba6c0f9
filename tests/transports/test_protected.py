"""Protected routes do the same whatever the credential came in."""

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.clock import TestClock
from tests.support.cookies import set_cookies
from tests.support.databases import sqlite_only
from tests.support.rows import every_row
from tests.support.transports import Holder
from tests.transports.conftest import LogIn

NEW = "a new and much longer phrase"


def test_it_opens_every_protected_route(log_in: LogIn) -> None:
    holder = log_in()
    assert holder.send("GET", "/me").json()["email"] == EMAIL
    assert holder.status("PATCH", "/me", json={"username": "ada"}) == 200
    assert holder.send("GET", "/me").json()["username"] == "ada"
    password = {"current_password": PASSWORD, "new_password": NEW}
    holder.take(holder.send("POST", "/me/password", json=password))
    assert holder.status("POST", "/me/delete", json={"password": NEW}) == 204
    assert not holder.is_in()


@sqlite_only
def test_verify_says_whose_it_is(log_in: LogIn) -> None:
    holder = log_in()
    answer = holder.send("GET", "/verify")
    assert answer.status_code == 204
    assert answer.headers["X-Auth-Subject"] == holder.send("GET", "/me").json()["id"]
    assert answer.headers["X-Auth-Session"] == holder.sid


@sqlite_only
def test_verify_takes_any_method(log_in: LogIn) -> None:
    holder = log_in()
    with every_row() as row:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE", "PROPFIND"):
            with row(method):
                assert holder.status(method, "/verify/a/path") == 204


@sqlite_only
def test_without_the_credential_there_is_nothing(log_in: LogIn, api: Api) -> None:
    log_in()
    for method, path in (("GET", "/me"), ("GET", "/verify"), ("DELETE", "/sessions")):
        answer = api.client.request(method, path)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


@sqlite_only
def test_an_altered_credential_is_refused(log_in: LogIn) -> None:
    holder = log_in()
    for name, value in holder.jar.items():
        holder.jar[name] = altered(value)
    if "access_token" in holder.body:
        holder.body["access_token"] = altered(holder.body["access_token"])
    assert not holder.is_in()


def altered(value: str) -> str:
    """Another tenth character from the end: of a signature, or of a secret."""
    return value[:-10] + ("A" if value[-10] != "A" else "B") + value[-9:]


@sqlite_only
def test_a_password_change_hands_over_a_new_session_and_ends_the_others(
    log_in: LogIn, transport: str
) -> None:
    other, holder, stranger = log_in(), log_in(), log_in("eve@example.com")
    before, logged_in = holder.copy(), holder.answer
    password = {"current_password": PASSWORD, "new_password": NEW}
    holder.take(holder.send("POST", "/me/password", json=password))
    assert holder.body.keys() == logged_in.json().keys()
    assert set_cookies(holder.answer).keys() == set_cookies(logged_in).keys()
    assert holder.sid != before.sid
    assert (holder.csrf_token != before.csrf_token) == (transport != "bearer")
    assert holder.use()
    assert [each.is_in() for each in (before, other, stranger)] == [False, False, True]
    assert {each.refresh().status_code for each in (before, other)} <= {400, 401}


@sqlite_only
def test_a_password_of_before_does_not_log_in(log_in: LogIn, api: Api, transport: str) -> None:
    holder = log_in()
    password = {"current_password": PASSWORD, "new_password": NEW}
    assert holder.status("POST", "/me/password", json=password) == 200
    Holder(api, transport).log_in(password=NEW)
    body = {"email": EMAIL, "password": PASSWORD, "transport": transport}
    assert api.client.post("/login", json=body).status_code == 401


@sqlite_only
def test_it_goes_on_working_for_a_while(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    for _ in range(8):
        clock.advance(100)
        assert holder.is_in()
