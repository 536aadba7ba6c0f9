"""Whatever a client sends, a log line is one line and says nothing that did not happen."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.logging import Log, captured

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORGED = (
    'x\r\n\x1b[2K{"event": "forged"}\u2028\u0085"}\n2026-01-01T00:00:00.000000Z [info     ] forged'
)
BEGINS = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[\w+ *\] (?!forged)|    \| ")


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    with captured(request.param) as log:
        yield log
    assert log.text
    for line in log.text.splitlines():
        if request.param == "json":
            assert json.loads(line)["event"] != "forged"
        else:
            assert BEGINS.match(line), line
        assert line.isprintable()


def test_by_the_path(api: Api, log: Log) -> None:
    api.client.get(f"/nowhere/{quote(FORGED)}")


def test_by_the_query(api: Api, log: Log) -> None:
    api.client.get(f"/me?x={quote(FORGED)}")


def test_by_the_method(api: Api, log: Log) -> None:
    api.client.request('GET"}', "/me")


def test_by_the_user_agent(api: Api, log: Log) -> None:
    api.register()
    headers = {"User-Agent": FORGED.encode("utf-8")}
    api.client.post("/login", json={"email": EMAIL, "password": PASSWORD}, headers=headers)  # type: ignore[arg-type]


def test_by_the_request_id(api: Api, log: Log) -> None:
    headers = {"X-Request-ID": FORGED.encode("utf-8")}
    answer = api.client.get("/nowhere", headers=headers)  # type: ignore[arg-type]
    assert "forged" not in answer.headers["X-Request-ID"]


@pytest.mark.parametrize("field", ["email", "username"])
def test_by_the_name_at_the_log_in(field: str, api: Api, log: Log) -> None:
    api.client.post("/login", json={field: FORGED, "password": PASSWORD})
    api.client.post("/login", json={field: 'x" event="forged', "password": PASSWORD})


def test_by_the_name_at_the_registration(api: Api, log: Log) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    api.client.post("/register", json={**body, "username": FORGED})
    api.client.post("/register", json={**body, "username": 'x"} {"event": "forged'})


def test_by_a_session_to_end(api: Api, log: Log) -> None:
    tokens = api.register_and_login()
    api.client.delete(f"/sessions/{quote(FORGED, safe='')}", headers=tokens.bearer)
