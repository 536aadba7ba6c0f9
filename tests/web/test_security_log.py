"""What an operator finds in the log afterwards: when, what, who, from where (ASVS V16)."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.logging import Log, captured
from tests.support.until import until

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADDRESS = "192.0.2.1"  # tests.support.app_transport's


@pytest.fixture
def log() -> Iterator[Log]:
    with captured("json") as log:
        yield log


def login(api: Api, password: str = PASSWORD) -> int:
    body = {"email": EMAIL, "password": password}
    return api.client.post("/login", json=body).status_code


def test_every_event_says_when_and_in_which_request(api: Api, log: Log) -> None:
    api.register_and_login()
    assert all(event["timestamp"].endswith("Z") for event in log.events)
    of_no_request = {"signing_key_added", "mail_not_sent"}
    assert all(event["request_id"] for event in log.events if event["event"] not in of_no_request)


def test_a_log_in_is_logged_with_who_and_where(api: Api, log: Log) -> None:
    user_id = api.register()["id"]
    tokens = api.login()
    event = log.event("login_succeeded")
    assert (event["user_id"], event["sid"], event["ip"]) == (user_id, tokens.sid, ADDRESS)


def test_a_failed_log_in_is_logged_with_whose_it_was(api: Api, log: Log) -> None:
    user_id = api.register()["id"]
    login(api, "wrong password")
    event = log.event("login_failed")
    assert (event["user_id"], event["ip"]) == (user_id, ADDRESS)


def test_a_failed_log_in_of_nobody_is_logged_without_what_was_typed(api: Api, log: Log) -> None:
    login(api)
    assert log.event("login_failed")["user_id"] is None
    assert EMAIL not in log.text


def test_a_replay_is_logged_as_a_warning_with_its_session(api: Api, log: Log) -> None:
    tokens = api.register_and_login()
    api.refreshed(tokens.refresh)
    api.refresh(tokens.refresh)
    event = log.event("refresh_token_replayed")
    assert (event["level"], event["sid"]) == ("warning", tokens.sid)


def test_a_bad_access_token_is_logged_with_the_rule_that_it_broke(api: Api, log: Log) -> None:
    api.expect(401, "GET", "/verify", headers={"Authorization": "Bearer a.b.c"})
    assert log.event("access_token_refused")["reason"]


def test_a_request_without_its_csrf_token_is_logged(api: Api, log: Log) -> None:
    api.register()
    body = {"email": EMAIL, "password": PASSWORD, "transport": "cookie"}
    answer = api.expect(200, "POST", "/login", json=body)
    cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie")]
    api.expect(403, "POST", "/logout", headers={"Cookie": "; ".join(cookies)})
    event = log.event("request_refused")
    assert (event["error"], event["path"], event["ip"]) == ("csrf_failed", "/logout", ADDRESS)


def test_a_scope_that_was_lacking_is_logged(api: Api, log: Log) -> None:
    tokens = api.register_and_login()
    api.expect(403, "GET", "/verify?scope=admin", headers=tokens.bearer)
    assert log.event("request_refused")["error"] == "insufficient_scope"


def test_a_limit_that_was_reached_is_logged(make_api: Callable[..., Api], log: Log) -> None:
    api = make_api(limit_login_pair="1/minute")
    assert [login(api), login(api)] == [401, 429]
    assert log.event("request_refused")["error"] == "rate_limited"


def test_a_refresh_token_that_was_refused_is_logged(api: Api, log: Log) -> None:
    api.refresh("forged")
    assert log.event("request_refused")["error"] == "invalid_grant"


def test_each_request_is_logged_with_its_outcome(api: Api, log: Log) -> None:
    answer = api.expect(404, "GET", "/nowhere")
    event = log.event("request")
    assert (event["method"], event["path"], event["status"]) == ("GET", "/nowhere", 404)
    assert (event["ip"], event["request_id"]) == (ADDRESS, answer.headers["X-Request-ID"])


def test_what_is_asked_many_times_a_second_is_not_logged(api: Api, log: Log) -> None:
    tokens = api.register_and_login()
    until(lambda: "mail_not_sent" in log.text)  # of the registration, by another thread
    before = log.text
    api.verify(tokens)
    api.expect(200, "GET", "/healthz")
    api.expect(200, "GET", "/readyz")
    assert log.text == before
