"""Every error has one form, and says nothing that it should not (docs/errors.md)."""

import re
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from structlog.testing import capture_logs

from authapi import errors
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only
from tests.support.raw_asgi import send_raw
from tests.support.service import Service

ABSENT = (
    *("/", "/x", "/login/", "/me/", "//me", "/ME", "/me/x", "/sessions/a/b", "/verifyx"),
    *("/.env", "/%2e%2e/etc/passwd", "/redoc", "/%00", "/%ff"),
)
METHODS = {
    "/register": "POST",
    "/login": "POST",
    "/refresh": "POST",
    "/logout": "POST",
    "/logout/all": "POST",
    "/me": "GET, PATCH, HEAD",
    "/me/password": "POST",
    "/me/delete": "POST",
    "/sessions": "GET, DELETE, HEAD",
    "/sessions/x": "DELETE",
    "/healthz": "GET, HEAD",
    "/readyz": "GET, HEAD",
    "/docs": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
}


def require_the_one_form(answer: httpx.Response, status: int, code: str) -> None:
    """No member too many, and a description that a WWW-Authenticate could carry (RFC 6750)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    more = {"errors"} if status == 422 else set()
    assert set(body) == {"error", "error_description"} | more
    assert body["error"] == code
    assert re.fullmatch(r"[A-Za-z][\x20\x21\x23-\x5b\x5d-\x7e]+\.", body["error_description"])


@pytest.mark.parametrize("path", ABSENT)
def test_a_path_that_is_not_there(service: Service, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = service.client.request(method, f"http://testserver{path}")
        require_the_one_form(answer, 404, "not_found")


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "TRACK", "FOO"])
def test_a_method_that_is_not_there(service: Service, path: str, method: str) -> None:
    answer = service.client.request(method, path)
    require_the_one_form(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == METHODS[path]


def test_a_link_with_a_slash_too_many_is_not_redirected(service: Service) -> None:
    # Its target would come from the request's Host.
    answer = service.client.get("/me/", headers={"Host": "evil.example"})
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize(
    ("status", "code", "request_"),
    [
        (400, "invalid_request", ("POST", "/login", {"content": "{"})),
        (401, "invalid_credentials", ("POST", "/login", {"json": {"email": "x", "password": "x"}})),
        (401, "invalid_token", ("GET", "/me", {})),
        (401, "invalid_grant", ("POST", "/refresh", {"json": {"refresh_token": "x"}})),
        (401, "invalid_grant", ("POST", "/refresh", {})),
        (413, "payload_too_large", ("POST", "/login", {"content": b" " * 65_537})),
        (415, "unsupported_media_type", ("POST", "/login", {"data": {"email": "x"}})),
        (422, "validation_error", ("POST", "/login", {"json": {}})),
        (422, "validation_error", ("POST", "/login", {})),
    ],
)
def test_each_refusal_has_the_one_form(
    service: Service, status: int, code: str, request_: tuple[str, str, dict[str, object]]
) -> None:
    method, path, more = request_
    headers = {"Content-Type": "application/json"} if "content" in more else {}
    answer = service.client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]
    require_the_one_form(answer, status, code)


def test_a_query_that_is_not_utf8_changes_no_answer(service: Service) -> None:
    for path, status in [("/refresh", 401), ("/login", 422), ("/me", 405)]:
        assert send_raw(service.api.app, "POST", path, query=b"x=\xff").status == status


def test_a_401_always_brings_a_challenge(service: Service) -> None:
    refused = {"/login": {"email": "x", "password": "x"}, "/refresh": {}, "/logout": {}}
    for path, body in refused.items():
        answer = service.client.post(path, json=body)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


SECRET = "s3cret-\u00fc\u4f60"
WRONG = [
    ("POST", "/login", {"email": EMAIL, "password": PASSWORD, SECRET: 1}),
    ("POST", "/login", {"email": EMAIL, "password": SECRET * 300}),
    ("POST", "/login", {"email": EMAIL, "password": [SECRET]}),
    ("POST", "/login", {"email": EMAIL, "password": PASSWORD, "transport": SECRET}),
    ("POST", "/login", {"email": EMAIL, "username": SECRET, "password": SECRET}),
    ("POST", "/register", {"email": SECRET, "password": PASSWORD}),
    ("POST", "/register", {"email": EMAIL, "password": SECRET + "\0"}),
    ("POST", "/register", {"email": "e@example.com", "password": SECRET * 100}),
    (
        "POST",
        "/register",
        {"email": "e@example.com", "password": PASSWORD, "username": f"@{SECRET}"},
    ),
    ("POST", "/refresh", {"refresh_token": SECRET}),
    ("POST", "/refresh", {"refresh_token": {SECRET: SECRET}}),
    ("POST", "/logout", {"refresh_token": SECRET + "\x7f"}),
    ("POST", "/refresh", SECRET),
    ("POST", "/refresh", [SECRET]),
    ("PATCH", "/me", {"username": f"@{SECRET}"}),
    ("POST", "/me/password", {"current_password": SECRET, "new_password": f"\t{SECRET}"}),
    ("POST", "/me/delete", {"password": SECRET}),
    ("DELETE", f"/sessions/{SECRET}", None),
    ("GET", f"/{SECRET}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRONG, ids=lambda value: ascii(value)[:40])
def test_no_error_repeats_what_was_sent(
    service: Service, method: str, path: str, body: object
) -> None:
    answer = service.client.request(method, path, json=body, headers=service.tokens.bearer)
    assert answer.status_code >= 400
    assert "s3cret" not in answer.text


def test_what_is_no_json_is_not_repeated(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    twice = b'{"s3cret,":1,"s3cret,":2}'
    for content in (b'{"password": "s3cret', b"s3cret", twice, b"\xffs3cret"):
        answer = service.client.post("/login", content=content, headers=headers)
        require_the_one_form(answer, 400, "invalid_request")
        assert "s3cret" not in answer.text


def fail(api: Api) -> httpx.Response:
    def route() -> None:
        raise RuntimeError("s3cret in SELECT * FROM users")

    api.app.add_api_route("/fails", route)
    with capture_logs():  # drawing a traceback for a terminal takes seconds
        return api.client.get("/fails")


@sqlite_only
def test_a_mistake_of_ours_says_nothing(api: Api) -> None:
    answer = fail(api)
    require_the_one_form(answer, 500, "server_error")
    assert "s3cret" not in answer.text
    assert answer.headers["X-Request-ID"]


@sqlite_only
def test_after_a_mistake_of_ours_the_next_request_is_served(api: Api) -> None:
    fail(api)
    api.expect(200, "GET", "/healthz")


@pytest.fixture
def busy(make_api: Callable[..., Api]) -> Iterator[Api]:
    """All its password threads are taken, and so is its queue."""
    api = make_api(hash_concurrency=1, hash_queue=0)
    done = threading.Event()
    portal = api.client._transport._portal  # type: ignore[attr-defined]
    pool = api.app.state.runtime.password_pool
    taken = portal.start_task_soon(pool.run, "somebody else", done.wait, 60)
    yield api
    done.set()
    taken.result()


@sqlite_only
@pytest.mark.parametrize("path", ["/login", "/register"])
def test_past_the_queue_of_hashes_the_service_is_unavailable(busy: Api, path: str) -> None:
    answer = busy.client.post(path, json={"email": EMAIL, "password": PASSWORD})
    require_the_one_form(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@sqlite_only
def test_what_needs_no_hash_is_served_meanwhile(busy: Api) -> None:
    busy.expect(401, "GET", "/verify")
    busy.expect(401, "GET", "/me")
    busy.expect(200, "GET", "/healthz")


def refusals(kind: type[errors.Refusal]) -> Iterator[type[errors.Refusal]]:
    for refusal in kind.__subclasses__():
        yield refusal
        yield from refusals(refusal)


@pytest.mark.parametrize(
    "refusal", sorted(set(refusals(errors.Refusal)), key=str), ids=lambda kind: kind.__name__
)
def test_each_class_of_refusal_is_in_the_tree_of_its_module(refusal: type[errors.Refusal]) -> None:
    line = next(
        line for line in str(errors.__doc__).splitlines() if f" {refusal.__name__} " in line
    )
    assert str(refusal.status) in line
    if refusal is not errors.Forbidden:
        assert refusal.code in line


@pytest.mark.parametrize(
    ("body", "loc", "msg"),
    [
        ({"user": "ada", "password": "x"}, ["body", "user"], "This field is not known"),
        ({"password": "x"}, ["body"], "Give one of email and username"),
        (
            {"email": "a\0", "password": "x"},
            ["body", "email"],
            "Control characters are not allowed.",
        ),
    ],
)
def test_a_log_in_says_what_is_wrong_in_the_request(
    service: Service, body: dict[str, str], loc: list[str], msg: str
) -> None:
    answer = service.api.expect(422, "POST", "/login", json=body).json()
    assert [(error["loc"], error["msg"]) for error in answer["errors"]] == [(loc, msg)]


@pytest.mark.parametrize(
    ("body", "description"),
    [
        ({}, "password: Field required."),
        ({"password": "x"}, "Give one of email and username."),
        ({"email": "a\0", "password": "x"}, "email: Control characters are not allowed."),
        (
            {"user": "ada", "password": "x", "mail": "x"},
            "user: This field is not known; mail: This field is not known.",
        ),
        ({"us er": "ada", "password": "x"}, "There is a field that is not known."),
        (
            {"email": EMAIL, "password": "x", "transport": "smoke"},
            "transport: Input should be 'bearer', 'hybrid', 'cookie' or 'session'.",
        ),
        (
            {"email": EMAIL, "a": 1, "b": 1, "c": 1},
            "password: Field required; a: This field is not known; "
            "b: This field is not known; and more.",
        ),
        ([EMAIL], "Input should be a valid dictionary or object to extract fields from."),
    ],
)
def test_the_description_of_a_422_names_the_fields(
    service: Service, body: object, description: str
) -> None:
    answer = service.client.post("/login", json=body)
    require_the_one_form(answer, 422, "validation_error")
    assert answer.json()["error_description"] == description


def test_a_rule_that_no_schema_states_names_its_field_too(service: Service) -> None:
    body = {"email": "eve@example.com", "password": "short"}
    answer = service.client.post("/register", json=body)
    require_the_one_form(answer, 422, "validation_error")
    assert answer.json()["error_description"].startswith("password: ")


def test_a_query_names_its_parameter(service: Service) -> None:
    for query, start in [("limit=1000", "limit: "), ("limit=x", "limit: "), ("cursor=x", "cursor")]:
        answer = service.client.get(f"/sessions?{query}", headers=service.tokens.bearer)
        require_the_one_form(answer, 422, "validation_error")
        assert answer.json()["error_description"].startswith(start)


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b'{"email": "x", "email": "y"}', "The body has the member email twice."),
        (b'{"a": [{"b": 1, "\\u0062": 2}]}', "The body has the member b twice."),
        (b'{"e mail": "x", "e mail": "y"}', "The body has a member twice."),
        (b'{"email": ', "The body is not JSON in UTF-8."),
    ],
)
def test_a_name_twice_is_called_so(service: Service, content: bytes, description: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = service.client.post("/login", content=content, headers=headers)
    require_the_one_form(answer, 400, "invalid_request")
    assert answer.json()["error_description"] == description
