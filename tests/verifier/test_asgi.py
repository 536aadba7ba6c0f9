"""AuthMiddleware: whole routers of FastAPI, of Starlette and of a bare ASGI application."""

import asyncio
import gc
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from authapi.verifier import Verifier
from authapi.verifier.asgi import CLAIMS, ASGIApp, AuthMiddleware, Receive, Scope, Send, claims_of
from authapi.verifier.required_log_in import RequiredLogIn
from authapi.verifier.testing import TokenFactory
from tests.support.app_transport import AppClient
from tests.support.until import until
from tests.verifier.asgi_exchange import ask
from tests.verifier.conftest import MakeVerifier

TOKENS = TokenFactory("https://auth.example", "reports")
PROTECT = {"/reports": "reports:read", "/reports/all": "reports:all", "/me": ""}


def make_fastapi(verifier: Verifier = TOKENS.verifier) -> FastAPI:
    reports, app = APIRouter(prefix="/reports"), FastAPI()

    @reports.get("/{name}")
    async def report(name: str, request: Request) -> str:
        return f"{name} for {claims_of(request).sub}"

    @app.get("/me")
    def me(request: Request) -> str:
        return claims_of(request).sub

    @app.get("/healthz")
    async def healthz() -> str:
        return "well"

    app.include_router(reports)
    app.add_middleware(AuthMiddleware, verifier=verifier, protect=PROTECT)
    return app


def make_starlette() -> ASGIApp:
    async def show(request: Request) -> Response:
        return PlainTextResponse(request.get(CLAIMS, Nobody).sub)

    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(claims_of(websocket).sub)
        await websocket.close()

    routes = [Route("/me", show), Route("/healthz", show), WebSocketRoute("/reports/live", chat)]
    return AuthMiddleware(Starlette(routes=routes), TOKENS.verifier, protect=PROTECT)


class Nobody:
    sub = "nobody"


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with whose request it is, whatever the path."""
    claims = scope.get(CLAIMS, Nobody)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f'"{claims.sub}"'.encode()})


def protected(app: ASGIApp = bare, **settings: Any) -> AuthMiddleware:
    return AuthMiddleware(app, TOKENS.verifier, **({"protect": PROTECT} | settings))


# What gets through


def test_a_route_of_a_protected_router_finds_the_claims() -> None:
    with AppClient(make_fastapi()) as client:
        headers = TOKENS.bearer("ada", scopes=["reports:read"])
        assert client.get("/reports/q1", headers=headers).json() == "q1 for ada"
        assert client.get("/me", headers=headers).json() == "ada"


def test_what_is_not_protected_needs_no_token_and_is_not_looked_at() -> None:
    with AppClient(make_fastapi()) as client:
        assert client.get("/healthz").json() == "well"
        bad = {"Authorization": "Bearer forged"}
        assert client.get("/healthz", headers=bad).json() == "well"


def test_starlette_and_a_bare_application_find_them_too() -> None:
    for app in (make_starlette(), protected()):
        assert ask(app, "/me", TOKENS.bearer("ada")).messages[1]["body"].strip(b'"') == b"ada"
        assert ask(app, "/healthz").messages[1]["body"].strip(b'"') == b"nobody"


def test_asking_for_claims_on_a_path_that_nobody_protects_is_a_mistake() -> None:
    with pytest.raises(LookupError, match="protects"):
        claims_of(ask(protected(), "/healthz").scope)


def test_all_prefixes_that_fit_count() -> None:
    one, both = TOKENS.bearer(scopes=["reports:all"]), ["reports:read", "reports:all"]
    assert ask(protected(), "/reports/all/1", one).status == 403
    assert ask(protected(), "/reports/all/1", TOKENS.bearer(scopes=both)).status == 200


def test_a_public_prefix_inside_a_protected_one_needs_no_token() -> None:
    app = protected(protect={"/": ""}, public=["/healthz", "/.well-known"])
    for path in ("/healthz", "/healthz/live", "/.well-known/security.txt"):
        assert ask(app, path).status == 200
    for path in ("/", "/me", "/healthzz", "/.well-knownx"):
        assert ask(app, path).status == 401


def test_lifespan_passes_and_the_verifier_begins_to_load(make_verifier: MakeVerifier) -> None:
    verifier, app = make_verifier(), FastAPI()
    app.add_middleware(AuthMiddleware, verifier=verifier, protect=PROTECT)
    seen: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.shutdown" if seen else "lifespan.startup"}

    async def send(message: Any) -> None:
        seen.append(message["type"])
        await asyncio.to_thread(until, lambda: verifier.status().is_ready)

    asyncio.run(_run(app, {"type": "lifespan"}, receive, send))
    assert seen == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def _run(app: ASGIApp, *arguments: Any) -> None:
    await app(*arguments)


# Refusals, the same as AccessToken's


@pytest.mark.parametrize("kind", TOKENS.bad_tokens())
def test_every_bad_token_gets_the_same_answer(kind: str) -> None:
    answer = ask(make_fastapi(), "/me", {"Authorization": f"Bearer {TOKENS.bad_tokens()[kind]}"})
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="authapi", error="invalid_token"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.document == {
        "error": "invalid_token",
        "error_description": "The access token is not valid.",
    }


def test_no_token_is_asked_for_one() -> None:
    answer = ask(protected(), "/me")
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="authapi"'


def test_too_little_scope_is_named() -> None:
    answer = ask(protected(), "/reports/1", TOKENS.bearer())
    assert answer.status == 403
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="authapi", error="insufficient_scope", scope="reports:read"'
    )


def test_two_headers_are_a_bad_request() -> None:
    one = (b"authorization", TOKENS.bearer()["Authorization"].encode())
    answer = ask(protected(), "/me", headers=[one, one])
    assert (answer.status, answer.document["error"]) == (400, "invalid_request")


def test_a_verifier_that_cannot_tell_is_503() -> None:
    app = AuthMiddleware(bare, TOKENS.unready_verifier(), protect=PROTECT)
    answer = ask(app, "/me", TOKENS.bearer())
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "TRACE", "ANYTHING"])
def test_every_method_needs_the_token(method: str) -> None:
    assert ask(protected(), "/me", method=method).status == 401


# Websockets


def websocket(bearer: Mapping[str, str] | None = None, *extensions: str) -> list[Any]:
    told: dict[str, object] = {name: {} for name in extensions}
    app = make_starlette()
    return ask(app, "/reports/live", bearer, kind="websocket", extensions=told).messages


def test_a_websocket_is_accepted_with_a_token() -> None:
    accepted, text, _ = websocket(TOKENS.bearer("ada", scopes=["reports:read"]))
    assert (accepted["type"], text["text"]) == ("websocket.accept", "ada")


def test_a_websocket_is_closed_before_it_is_accepted() -> None:
    for bearer in (None, TOKENS.bearer()):
        assert websocket(bearer) == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_a_websocket_is_told_why_where_the_server_can_tell() -> None:
    start, body = websocket(None, "websocket.http.response")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert body["type"] == "websocket.http.response.body"


# Paths, as an attacker writes them

SPELLINGS = (
    *("/me", "/me/", "//me", "///me//", "/me//x", "/./me", "/x/../me", "/me/../me", "/me/.."),
    *("/%6de", "/%6De", "/m%65", "/%256de", "/%25256de", "/ME", "/Me/x", "/%4de", "/x/%2e%2e/me"),
    *("/me%0a", "/me%0d%0a", "/me%00", "/me%20", "/%20me", "/me%09", "/me%7f", "/me;x=1", "/me;"),
    *("/me%00x", "/me%0ax", "/%0a/me", "/me%20%3bx"),
    *("/me%3Fx", "/me%23x", "/%2fme", "/%5cme", "\\me", "/x/..%5cme", "/x%2f..%2fme", "/x/..;/me"),
    *("http://testserver/me", "me", "*", "/me/%2e%2e/healthz", "/%2525252525256de", "//x/../me"),
)


@pytest.mark.parametrize("target", SPELLINGS)
def test_a_protected_path_is_protected_however_it_is_spelled(target: str) -> None:
    assert ask(protected(), target).status == 401
    everything = protected(protect={"/": ""}, public=["/x", "/healthz"])
    assert ask(everything, target).status == 401


@pytest.mark.parametrize("target", ["/x/../me", "/healthz/../me", "//healthz", "/healthz%0a"])
def test_a_public_path_is_public_only_as_it_is_written(target: str) -> None:
    app = protected(protect={"/": ""}, public=["/x", "/healthz"])
    assert ask(app, target).status == 401
    assert ask(app, "/HEALTHZ").status == 401


@pytest.mark.parametrize("target", ["/", "/mex", "/men/x", "/x/me", "/a%20b", "/x?me", "/x/.y"])
def test_another_path_stays_open(target: str) -> None:
    assert ask(protected(), target).status == 200


def test_long_paths_need_a_token_and_are_not_kept() -> None:
    """Nobody reads 64 KB that a stranger wrote, on the event loop."""
    app = protected()
    tracemalloc.start()
    for number in range(256):
        assert ask(app, f"/other/{number}/{'%25' * 20_000}").status == 401
    gc.collect()  # what waits for the collector is not kept
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_000_000


ROOTS = ("/api", "/api/", "/api/v1")


@pytest.mark.parametrize("root_path", ROOTS)
def test_a_root_path_counts_with_and_without(root_path: str) -> None:
    root = root_path.rstrip("/")
    for path in (f"{root}/me", "/me", f"{root}me", f"{root}//me"):
        assert ask(protected(), path, root_path=root_path).status == 401
    assert ask(protected(), f"{root}/x", root_path=root_path).status == 200
    public = protected(protect={"/": ""}, public=["/x"])
    assert ask(public, f"{root}/x", root_path=root_path).status == 200
    assert ask(public, f"{root}x", root_path=root_path).status == 401


def test_inside_a_mount_the_prefix_is_the_inner_path() -> None:
    app = Starlette(routes=[Mount("/api", protected()), Mount("/meta", protected())])
    assert ask(app, "/api/me").status == 401
    assert ask(app, "/api/x").status == 200
    assert ask(app, "/meta/x").status == 200


def test_a_mounted_application_is_protected_with_all_that_is_below() -> None:
    app = protected(Starlette(routes=[Mount("/me", bare)]))
    assert ask(app, "/me/deep/down").status == 401
    assert ask(app, "/me/deep/down", TOKENS.bearer()).status == 200


@pytest.mark.parametrize("prefix", ["", "me", "/users/{id}", "//me", "/me/../x", "/a%20b", "/a b"])
def test_a_prefix_that_no_path_could_have_cannot_be_meant(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        protected(protect={prefix: ""})
    with pytest.raises(ValueError, match="prefix"):
        protected(public=[prefix])


def test_a_middleware_may_demand_a_fresh_log_in() -> None:
    log_in = RequiredLogIn(max_age=60, acr="aal2")
    app = AuthMiddleware(Starlette(), TOKENS.verifier, protect={"/": ""}, log_in=log_in)
    now = int(TOKENS.verifier.now())
    with AppClient(app) as client:  # type: ignore[arg-type]
        for auth_time, acr, status in [
            (now, "aal2", 404),
            (now - 70, "aal2", 401),
            (now, "aal1", 401),
        ]:
            token = TOKENS.token(auth_time=auth_time, acr=acr)
            answer = client.get("/x", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status
    assert answer.headers["www-authenticate"].endswith('max_age="60", acr_values="aal2"')
