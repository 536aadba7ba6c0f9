"""Nothing that anybody sends is a 5xx, and what is refused changes nothing."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.api import Api, Tokens
from tests.support.application import MakeApi
from tests.support.naughty import STRINGS, VALUES
from tests.support.operations import OPERATIONS, Operation
from tests.support.service import Service
from tests.support.settings import NO_LIMITS

# What can be answered to any request, documented or not.
ALWAYS = {400, 404, 413, 415, 422}
WITH_BODY = [operation for operation in OPERATIONS if operation.body]
HEADERS = (
    *("Authorization", "Idempotency-Key", "User-Agent", "X-Request-ID", "X-Forwarded-For"),
    *("X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Method", "Forwarded", "Content-Type"),
    *("Cookie", "Origin", "Referer", "Sec-Fetch-Site", "X-CSRF-Token", "Accept", "Host"),
    *("If-None-Match", "Range", "Accept-Encoding", "Access-Control-Request-Method", "Expect"),
)

READ_ALL_KINDS_OF_HEADERS = ("/login", "/refresh", "/me", "/verify", "/revocations")


def send(client: httpx.Client, operation: Operation, **more: Any) -> httpx.Response:
    answer = client.request(operation.method, operation.path, **more)
    assert answer.status_code in operation.statuses | ALWAYS, answer.text
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) - {"errors"} == {"error", "error_description"}
    return answer


def rows(api: Api) -> list[list[tuple[object, ...]]]:
    """All that the database holds of users and sessions."""
    with api.app.state.runtime.db.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1"))]
            for table in ("users", "sessions")
        ]


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()  # escapes lone surrogates


@pytest.fixture
def unlimited(make_api: MakeApi) -> Api:
    return make_api(**NO_LIMITS)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_no_field_brings_a_route_down(unlimited: Api, operation: Operation) -> None:
    api = unlimited
    tokens = api.register_and_login()
    before = rows(api)
    # What PostgreSQL minds is in texts; a value of another type never comes as far.
    on_sqlite = api.app.state.runtime.settings.database_file is not None
    values = [*STRINGS[::3], *VALUES] if on_sqlite else STRINGS
    for field in operation.body or {}:
        for value in values:
            content = as_json({**(operation.body or {}), field: value})
            headers = {"Content-Type": "application/json", **tokens.bearer}
            if operation.path == "/logout":
                del headers["Authorization"]
            answer = send(api.client, operation, content=content, headers=headers)
            after = rows(api)
            assert answer.status_code < 400 or after == before
            before = after


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_no_query_brings_a_route_down(service: Service, operation: Operation) -> None:
    for value in STRINGS[::6]:
        with suppress(UnicodeEncodeError):
            query = quote(value[:500], safe="")
            names = ("scope", "since", "wait") if operation.method == "GET" else ("x",)
            for name in (*names, query):
                url = f"{operation.path}?{name}={query}"
                send(service.client, operation._replace(path=url), headers=service.tokens.bearer)


@pytest.mark.parametrize("prefix", ["/sessions/", "/verify/", "/docs/", "/", "/.well-known/"])
def test_no_path_brings_the_service_down(service: Service, prefix: str) -> None:
    for value in STRINGS:
        with suppress(UnicodeEncodeError):
            path = prefix + quote(value[:500], safe="")
            method = "DELETE" if prefix == "/sessions/" else "GET"
            answer = service.client.request(method, f"http://testserver{path}")
            assert answer.status_code in {200, 401, 404, 405}


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_brings_a_route_down(service: Service, name: str) -> None:
    for operation in (each for each in OPERATIONS if each.path in READ_ALL_KINDS_OF_HEADERS):
        for value in STRINGS[::9]:
            raw = value.encode("utf-8", "surrogatepass")[:2000]
            headers = [(name.encode(), raw), (b"Authorization", _credential(service, name))]
            send(service.client, operation, headers=headers, json=operation.body)


def _credential(service: Service, name: str) -> bytes:
    return b"" if name == "Authorization" else f"Bearer {service.tokens.access[:-3]}".encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FEW
@given(data=st.data(), operation=st.sampled_from(WITH_BODY))
def test_no_json_brings_a_route_down(
    service: Service, data: st.DataObject, operation: Operation
) -> None:
    names = sorted(operation.body or {})
    shaped = st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON))
    content = json.dumps(data.draw(JSON | shaped)).encode()
    headers = {"Content-Type": "application/json", **service.tokens.bearer}
    if operation.path == "/logout":
        del headers["Authorization"]
    send(service.client, operation, content=content, headers=headers)


@FEW
@given(content=st.binary(max_size=200), operation=st.sampled_from(WITH_BODY))
def test_no_bytes_bring_a_route_down(
    service: Service, content: bytes, operation: Operation
) -> None:
    headers = {"Content-Type": "application/json"}
    send(service.client, operation, content=content, headers=headers)


def test_after_all_that_the_service_serves(service: Service) -> None:
    tokens: Tokens = service.api.login()
    assert service.api.verify(tokens) == 204
    assert service.api.refresh(tokens.refresh).status_code == 200
