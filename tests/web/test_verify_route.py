"""/verify, which reverse proxies ask (docs/http.md)."""

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from authapi.db.database import Database
from tests.support.api import Api, Tokens
from tests.support.app_transport import AppClient
from tests.support.application import MakeApp
from tests.support.databases import sqlite_only
from tests.support.raw_asgi import send_raw
from tests.support.service import Service

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "x")
PATHS = ("/verify", "/verify/", "/verify/a/b", "/verify/%2e%2e/me", "/verify//x", "/verify/%00%ff")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_any_method_and_path_gets_the_same_answer(service: Service, method: str, path: str) -> None:
    answer = service.client.request(method, path, headers=service.tokens.bearer)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["X-Auth-Session"] == service.tokens.sid
    assert service.client.request(method, path).status_code == 401


def test_it_says_whose_the_credential_is(service: Service) -> None:
    answer = service.client.get("/verify", headers=service.tokens.bearer)
    me = service.client.get("/me", headers=service.tokens.bearer).json()
    assert answer.headers["X-Auth-Subject"] == me["id"]
    assert answer.headers["X-Auth-Session"] == service.tokens.sid
    assert answer.headers["X-Auth-Scope"] == "read write"


@pytest.mark.parametrize("claim", ["sub", "sid"])
def test_an_id_that_no_header_can_carry_is_refused(service: Service, claim: str) -> None:
    """Signed by our key, yet by somebody else: a proxy would make a 500 of the answer's failure."""
    runtime, now = service.api.app.state.runtime, service.clock()
    claims = dict(runtime.verifier.verify(service.tokens.access).raw)
    for text, status in (("ada", 204), ("äda", 401), ("\u65e5\u672c", 401)):
        token = runtime.tokens.keys.ring.signing_key(now).sign({**claims, claim: text}, "at+jwt")
        answer = service.client.get("/verify", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status


def test_a_callers_own_auth_headers_are_not_answered(service: Service) -> None:
    forged = {"X-Auth-Subject": "admin", "X-Auth-Scope": "admin"}
    answer = service.client.get("/verify", headers=service.tokens.bearer | forged)
    assert "admin" not in str(answer.headers)


@pytest.mark.parametrize("query", ["", "scope=read", "scope=write+read", "scope=read&scope=write"])
def test_a_scope_that_the_token_has_is_enough(service: Service, query: str) -> None:
    answer = service.client.get(f"/verify?{query}", headers=service.tokens.bearer)
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("scope=admin", "admin"),
        ("scope=read+admin", "read admin"),
        ("scope=read&scope=admin", "read admin"),
        ("scope=READ", "READ"),
        ("scope=rea", "rea"),
        ("scope=read,write", "read,write"),
        ("scope=%22,+error=%22x", ", error="),
        ("scope=%0d%0aX-Evil:1", "X-Evil:1"),
        ("scope=%00", ""),
        ("scope=%ff", ""),
        ("scope=%F0%9F%98%80", ""),
        ("scope=%5c", ""),
        ("scope=" + "x" * 5000, "x" * 5000),
    ],
    ids=lambda value: value[:30],
)
def test_a_scope_that_it_lacks_is_named(service: Service, query: str, named: str) -> None:
    answer = service.client.get(f"/verify?{query}", headers=service.tokens.bearer)
    assert answer.status_code == 403
    assert answer.json()["error"] == "insufficient_scope"
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="authapi", error="insufficient_scope", scope="')
    words = {word for word in named.split() if '"' not in word}
    assert challenge.count('"') == 6
    assert words >= set(challenge.split('scope="')[1].rstrip('"').split())


def test_who_sends_no_credential_is_told_no_error(service: Service) -> None:
    answer = service.client.get("/verify?scope=admin")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'


def test_a_bad_credential_is_told_apart_from_none(service: Service) -> None:
    answer = service.client.get("/verify", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi", error="invalid_token"'


def test_two_authorization_headers_are_a_bad_credential(service: Service) -> None:
    # Elsewhere they are a 400, of which nginx would make a 500.
    twice = [("Authorization", f"Bearer {service.tokens.access}")] * 2
    assert service.client.get("/verify", headers=twice).status_code == 401


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data"])
def test_a_body_is_not_looked_at(service: Service, content_type: str) -> None:
    headers = service.tokens.bearer | {"Content-Type": content_type}
    answer = service.client.post("/verify", headers=headers, content=b"{" * 100_000)
    assert answer.status_code == 204


@pytest.mark.parametrize("query", [b"scope=admin&scope=\xff", b"scope=\xff"])
def test_a_query_that_is_not_utf8_is_refused_like_any_other(service: Service, query: bytes) -> None:
    headers = list(service.tokens.bearer.items())
    assert send_raw(service.api.app, "GET", "/verify", headers, query=query).status == 403


@sqlite_only
def test_it_passes_the_middleware_that_an_embedder_adds(make_app: MakeApp) -> None:
    made = []

    def hosts(app: ASGIApp) -> ASGIApp:
        made.append(app)
        return TrustedHostMiddleware(app, allowed_hosts=["auth.example"])

    app = make_app()
    app.add_middleware(hosts)
    with AppClient(app) as client:
        for path in ("/verify", "/verify/a/b", "/me"):
            assert client.get(path, headers={"Host": "evil.example"}).status_code == 400
            assert client.get(path, headers={"Host": "auth.example"}).status_code == 401
    assert len(made) == 1


@sqlite_only
def test_it_needs_no_application_class_of_ours(make_app: MakeApp) -> None:
    assert type(make_app()) is FastAPI


@sqlite_only
def test_an_ended_session_is_refused_at_once(api: Api) -> None:
    tokens = api.register_and_login()
    assert api.verify(tokens) == 204
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    assert api.verify(tokens) == 401


def test_no_request_makes_a_query(api: Api, db: Database) -> None:
    tokens = api.register_and_login()
    statements: list[str] = []
    for engine in (db.engine, db.autocommit_engine):
        event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert api.verify(tokens) == 204
    assert api.verify(Tokens({"access_token": "a.b.c"})) == 401
    assert api.client.get("/verify?scope=admin", headers=tokens.bearer).status_code == 403
    assert statements == []
    api.expect(200, "GET", "/me", headers=tokens.bearer)
    assert statements != []
