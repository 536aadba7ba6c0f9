"""A developer who opened the page under another name is told what to set."""

from collections.abc import Iterator

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.application import MakeApi
from tests.support.logging import Log, captured

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

CAME = "http://127.0.0.1:8000"
BODY = {"email": EMAIL, "password": PASSWORD, "transport": "cookie"}


@pytest.fixture
def log() -> Iterator[Log]:
    with captured("json") as log:
        yield log


def test_on_this_machine_the_answer_names_both_origins_and_the_settings(
    make_api: MakeApi, log: Log
) -> None:
    api = make_api(public_url="http://localhost:8000/auth")
    answer = api.expect(403, "POST", "/login", json=BODY, headers={"Origin": CAME}).json()
    assert answer["error"] == "csrf_failed"
    assert answer["error_description"] == (
        "The request came from the origin 'http://127.0.0.1:8000'. AUTHAPI_PUBLIC_URL has the "
        "origin 'http://localhost:8000', and AUTHAPI_CORS_ORIGINS names all others that may send "
        "it."
    )
    assert log.event("request_refused")["reason"] == answer["error_description"]


@pytest.mark.parametrize("origin", ['http://a"b', "http://a\\b", "http://a\xe9b", "x" * 500, ""])
def test_an_origin_that_no_browser_sends_is_not_repeated(
    make_api: MakeApi, log: Log, origin: str
) -> None:
    headers = [(b"Origin", origin.encode("latin-1"))]
    answer = make_api().expect(403, "POST", "/login", json=BODY, headers=headers).json()
    assert answer["error_description"].startswith("The request came without a readable Origin. ")


def test_elsewhere_only_the_log_names_them(make_api: MakeApi, log: Log) -> None:
    api = make_api(public_url="https://auth.example")
    answer = api.expect(403, "POST", "/login", json=BODY, headers={"Origin": CAME})
    assert "127.0.0.1" not in answer.text
    reason = log.event("request_refused")["reason"]
    assert CAME in reason
    assert "'https://auth.example'" in reason


def test_a_missing_csrf_token_is_named_in_the_log(make_api: MakeApi, log: Log) -> None:
    api = make_api()
    api.register()
    answer = api.expect(200, "POST", "/login", json=BODY)
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    api.expect(403, "POST", "/logout", headers={"Cookie": cookie})
    assert "X-CSRF-Token" in log.event("request_refused")["reason"]
