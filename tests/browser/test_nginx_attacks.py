"""The kind: a proxy that lets a client write, or a service read, what is not theirs.

Issue 11, row 17. All of it runs examples/nginx/authapi.conf, which docs/operations.md shows.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.nginx import get, page_of, run, stand_in
from tests.support.server import ANSWER_TIMEOUT, AUTHAPI, free_port
from tests.support.settings import environment

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}
TOLD = {"X-Auth-Subject", "X-Auth-Session", "X-Auth-Scope"}
CREDENTIAL = {"authorization", "cookie", "x-csrf-token"}
# All the ways in which a server may come to read X-Auth-Subject and its like.
FORGED = [
    ("X-Auth-Subject", "root"),
    ("x-auth-session", "mine"),
    ("X-AUTH-SCOPE", "admin"),
    ("X-Auth-Scope", "admin twice"),
    ("X_Auth_Subject", "root"),
    ("X-Auth_Session", "mine"),
    ("X_AUTH_SCOPE", "admin"),
    ("Connection", "X-Auth-Subject, X-Auth-Session, X-Auth-Scope"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def nginx(folder: Path) -> Iterator[str]:
    port = free_port(in_a_row=3)
    with run("nginx", folder, "/auth/healthz", PORT=port):
        url = f"http://localhost:{port}"
        httpx.post(f"{url}/auth/register", json=ADA, trust_env=False, timeout=ANSWER_TIMEOUT)
        give_scope(folder)
        yield url


def give_scope(folder: Path, *scopes: str) -> None:
    wanted = [word for scope in scopes for word in ("--scope", scope)]
    command = [str(AUTHAPI), "users", "scopes", ADA["email"], *wanted]
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)


@pytest.fixture
def visitor(nginx: str) -> Iterator[httpx.Client]:
    with page_of(nginx) as client:
        yield client


def login(visitor: httpx.Client, transport: str = "bearer") -> tuple[dict[str, str], Any]:
    """Return what to send besides the cookies, and the answer."""
    answer = visitor.post("/auth/login", json={**ADA, "transport": transport})
    assert answer.status_code == 200, answer.text
    given = answer.json()
    if token := given.get("access_token"):
        return {"Authorization": f"Bearer {token}"}, given
    return {"X-CSRF-Token": given["csrf_token"]}, given


def told(headers: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what the service may take for ours, in any spelling."""
    return {
        name: values
        for name, values in headers.items()
        if name.lower().replace("_", "-").startswith("x-auth-")
    }


@pytest.mark.parametrize("transport", ["bearer", "hybrid", "cookie", "session"])
def test_the_service_believes_no_identity_that_a_client_wrote(
    visitor: httpx.Client, transport: str
) -> None:
    proof, given = login(visitor, transport)
    headers = [*proof.items(), *FORGED]
    seen = visitor.get("/api/hello", headers=headers).json()["headers"]
    subject = visitor.get("/auth/me", headers=proof).json()["id"]
    sid = given["session_id"]
    assert told(seen) == {"X-Auth-Subject": [subject], "X-Auth-Session": [sid]}


def test_where_no_log_in_is_needed_an_identity_is_not_believed_either(
    visitor: httpx.Client,
) -> None:
    answer = visitor.get("/api/public/hello", headers=FORGED)
    assert answer.status_code == 200
    assert told(answer.json()["headers"]) == {}


@pytest.mark.parametrize("transport", ["bearer", "hybrid", "cookie", "session"])
def test_the_service_gets_nothing_of_the_credential(visitor: httpx.Client, transport: str) -> None:
    proof, _ = login(visitor, transport)
    for path in ("/api/hello", "/api/public/hello"):
        seen = visitor.post(path, headers=proof, json={}).json()["headers"]
        assert {name.lower() for name in seen} & CREDENTIAL == set()


def test_the_service_gets_the_body_the_path_and_the_true_address(visitor: httpx.Client) -> None:
    proof, _ = login(visitor)
    lies = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    lies |= {"X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example"}
    answer = visitor.put("/api/notes/1?a=b", headers=proof | lies, content="text").json()
    assert (answer["method"], answer["path"]) == ("PUT", "/api/notes/1?a=b")
    assert answer["body"] == "text"
    seen = answer["headers"]
    assert seen["X-Forwarded-For"] == ["127.0.0.1"]
    assert seen["X-Forwarded-Proto"] == ["http"]
    assert seen["X-Forwarded-Host"] == [visitor.base_url.netloc.decode()]
    assert "Forwarded" not in seen


OURS = ("metrics", "readyz", "docs", "openapi.json", "verify", "verify/reports")
SPELLINGS = ("/auth/{}", "/auth//{}", "//auth/{}", "/auth/./{}", "/auth/x/../{}", "/auth/{}?a=b")


@pytest.mark.parametrize("path", OURS)
def test_what_is_for_operators_is_not_published(visitor: httpx.Client, path: str) -> None:
    port = visitor.base_url.port
    assert port is not None
    encoded = "".join(f"%{ord(letter):02x}" for letter in path)
    for spelling in SPELLINGS:
        assert get(port, spelling.format(path)).status in {400, 404}
        assert get(port, spelling.format(encoded)).status in {400, 404}
    # It is there all the same, for those who reach authapi itself.
    assert get(port + 1, f"/{path}").status in {200, 401}


@pytest.mark.parametrize("path", ["/api/reports/x", "/api/%72eports/x"])
def test_a_scope_is_demanded_however_the_path_is_written(
    visitor: httpx.Client, folder: Path, path: str
) -> None:
    port = visitor.base_url.port
    assert port is not None
    give_scope(folder)
    lie = ("X-Auth-Require-Scope", "")
    proof, _ = login(visitor)
    refused = get(port, path, *proof.items(), lie)
    assert refused.status == 403
    assert 'error="insufficient_scope"' in str(refused.getheader("WWW-Authenticate"))
    assert 'scope="reports:read"' in str(refused.getheader("WWW-Authenticate"))
    give_scope(folder, "reports:read")
    proof, _ = login(visitor)
    assert get(port, path, *proof.items()).status == 200
    assert get(port, path).status == 401


TWO_READINGS = (
    *("/api/reports/..%2fpublic/x", "/api/reports/%2e%2e%2Fpublic/x", "/api/reports/../public/x"),
    *(
        "/api/reports/x/..%2f..%2fpublic%2fy",
        "/api/public/..;/reports/x",
        "/api/reports/..%5chello",
    ),
    *("/api//reports/x", "/api/./reports/x", "/api/reports%2Fx", "/api/reports/..%252fhello"),
    *("/api/public/..", "/api/public/..?x", "/api/public/\\..\\reports", "/api/public/%3b/../x"),
)


@pytest.mark.parametrize("path", TWO_READINGS)
def test_a_path_that_the_service_may_read_otherwise_does_not_reach_it(
    visitor: httpx.Client, path: str
) -> None:
    """nginx asks for the path that it has tidied, and hands on what was sent."""
    port = visitor.base_url.port
    assert port is not None
    proof, _ = login(visitor)
    assert get(port, path).status == 400
    assert get(port, path, *proof.items()).status == 400


def test_a_query_may_hold_any_of_that(visitor: httpx.Client) -> None:
    query = "?next=%2fa%2f..%2fb;c//d/../e\\f"
    assert visitor.get(f"/api/public/hello{query}").json()["path"].startswith("/api/public/hello?")


def test_a_refusal_says_which_one_it_is(visitor: httpx.Client, folder: Path) -> None:
    give_scope(folder)
    proof, _ = login(visitor)
    assert visitor.get("/api/reports/x", headers=proof).json()["error"] == "insufficient_scope"
    login(visitor, "cookie")
    foreign = visitor.post("/api/notes", json={})
    assert (foreign.status_code, foreign.json()["error"]) == (403, "csrf_failed")
    assert "WWW-Authenticate" not in foreign.headers


def test_what_authapi_cannot_read_is_400_and_no_5xx(visitor: httpx.Client) -> None:
    port = visitor.base_url.port
    assert port is not None
    for header in (("Authorization", "Bearer \x01"), ("X-Anything", "\x7f\x02")):
        refused = get(port, "/api/hello", header)
        assert refused.status == 400
        assert refused.getheader("Content-Type") == "application/json"


# What nginx asks, and what it makes of each answer: with a stand-in for authapi.


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = free_port(in_a_row=3), tmp_path_factory.mktemp("asked")
    with run("nginx", folder, "/auth/healthz", PORT=port, BIN=stand_in(folder)):
        yield f"http://localhost:{port}"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_the_question_has_the_method_and_target_of_the_request_and_no_body(
    asked: str, is_chunked: bool
) -> None:
    lies = {
        "X-Original-Method": "GET",
        "X-Original-URI": "/harmless",
        "X-Forwarded-Method": "GET",
        "X-Auth-Require-Scope": "nothing",
        "X-Auth-Require-Audience": "nothing",
        "X-Forwarded-For": "203.0.113.9",
    }
    content = iter([b"te", b"xt"]) if is_chunked else b"text"
    url = f"{asked}/api/notes?a=b"
    answer = httpx.post(
        url, headers=lies, content=content, trust_env=False, timeout=ANSWER_TIMEOUT
    ).json()
    assert answer["body"] == "text"
    question = json.loads(answer["headers"]["X-Auth-Subject"][0])
    assert question["path"] == "/verify"
    heard = {name.lower(): value for name, value in question["headers"].items()}
    assert heard["x-original-method"] == "POST"
    assert heard["x-original-uri"] == "/api/notes?a=b"
    assert heard["x-forwarded-for"] == "127.0.0.1"
    for name in ("content-length", "transfer-encoding", "x-forwarded-method"):
        assert name not in heard
    assert [name for name in heard if name.startswith("x-auth-")] == []


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ("401", 401, "invalid_token"),
        ("403", 403, "csrf_failed"),
        ("400", 400, "invalid_request"),
        ("414", 400, "invalid_request"),
        ("431", 400, "invalid_request"),
        ("302", 503, "unavailable"),
        ("500", 503, "unavailable"),
        ("503", 503, "unavailable"),
        ("nothing", 503, "unavailable"),
        ("silence", 503, "unavailable"),
    ],
)
def test_only_a_2xx_lets_a_request_through(
    asked: str, answer: str, status: int, error: str
) -> None:
    headers = {"X-Stand-In": answer, "X-Auth-Subject": "root"}
    refused = httpx.get(
        f"{asked}/api/hello", headers=headers, trust_env=False, timeout=ANSWER_TIMEOUT
    )
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.headers["Cache-Control"] == "no-store"
    assert ("Retry-After" in refused.headers) == (status == 503)
