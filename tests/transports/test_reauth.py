"""POST /reauth: the password again, and a new session in the place of the old one."""

from functools import partial

from tests.support.api import PASSWORD, Api
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.together import together
from tests.transports.conftest import LogIn

PROOF = {"password": PASSWORD}


def test_a_new_session_takes_the_place_of_the_old_one(log_in: LogIn, transport: str) -> None:
    other, holder, stranger = log_in(), log_in(), log_in("eve@example.com")
    old = holder.copy()
    holder.take(holder.send("POST", "/reauth", json=PROOF))
    assert holder.sid != old.sid
    assert set(holder.body) == set(old.body)
    assert set(holder.jar) == set(old.jar)
    assert not set(holder.jar.values()) & set(old.jar.values())
    assert [each.is_in() for each in (old, holder, other, stranger)] == [False, True, True, True]
    assert old.refresh().status_code in {400, 401}
    assert holder.use()
    listed = {entry["id"]: entry for entry in holder.send("GET", "/sessions").json()}
    assert set(listed) == {holder.sid, other.sid}
    assert listed[holder.sid]["transport"] == transport


def test_it_makes_the_log_in_fresh(log_in: LogIn, api: Api, clock: TestClock) -> None:
    holder = log_in()
    clock.advance(700)
    body = {"username": "ada"}
    assert holder.status("PATCH", "/me", json=body) == 401
    holder.take(holder.send("POST", "/reauth", json=PROOF))
    assert holder.status("PATCH", "/me", json=body) == 200
    if token := holder.body.get("access_token"):
        claims = api.app.state.runtime.verifier.verify(token)
        assert claims.raw["auth_time"] == int(clock())


@sqlite_only
def test_a_wrong_password_changes_nothing(log_in: LogIn, clock: TestClock) -> None:
    holder = log_in()
    clock.advance(700)
    answer = holder.send("POST", "/reauth", json={"password": PASSWORD + "x"})
    assert (answer.status_code, answer.json()["error"]) == (403, "invalid_credentials")
    assert "set-cookie" not in answer.headers
    assert holder.is_in()
    assert holder.status("PATCH", "/me", json={"username": "ada"}) == 401


def test_of_two_at_once_one_is_answered(log_in: LogIn) -> None:
    holder = log_in()
    other = holder.copy()
    ask = [partial(each.status, "POST", "/reauth", json=PROOF) for each in (holder, other)]
    assert sorted(together(*ask), key=str) == [200, 401]
    again = log_in()
    assert len(again.send("GET", "/sessions").json()) == 2
