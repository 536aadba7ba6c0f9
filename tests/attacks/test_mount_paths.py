"""The kind: the mount path is not carried to the edge.

What clients look for at a place that depends on the issuer's path: the metadata (RFC 8414 section
3.1, OpenID Connect Discovery section 4), and the server of the OpenAPI document. Issue 12. And one
path that the router reads in one way, and what stands before it in another.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from tests.support.app_transport import AppClient
from tests.support.application import MakeApi, MakeApp
from tests.support.databases import sqlite_only
from tests.support.server import Program, free_port
from tests.support.settings import SERVER as SERVER_SETTINGS
from tests.support.settings import environment

SERVER, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
BASE = "https://example.com"
PATHS = ("/auth", "/a/b", "/tenants/%C3%A4", "/a.b", "/{x}", "/.well-known")


@sqlite_only
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", [SERVER, OPENID])
def test_the_metadata_of_an_issuer_with_a_path_is_where_clients_look(
    make_api: MakeApi, path: str, name: str
) -> None:
    api = make_api(public_url=BASE + path)
    below = api.expect(200, "GET", name)
    assert below.json()["issuer"] == BASE + path
    between = api.expect(200, "GET", name + path)
    assert (between.json(), between.headers["ETag"]) == (below.json(), below.headers["ETag"])


@sqlite_only
@pytest.mark.parametrize("name", [SERVER, OPENID])
def test_the_metadata_of_no_other_issuer_is_there(make_api: MakeApi, name: str) -> None:
    api = make_api(public_url=f"{BASE}/auth")
    for path in ("/", "/aut", "/auth/", "/auth/x", "/AUTH", "/x/auth", "//auth", "/%2Fauth"):
        assert api.expect(404, "GET", name + path).json()["error"] == "not_found"


@sqlite_only
@pytest.mark.parametrize("name", [SERVER, OPENID])
def test_an_issuer_without_a_path_has_one_place(make_api: MakeApi, name: str) -> None:
    api = make_api(public_url=BASE)
    api.expect(200, "GET", name)
    for path in ("/", "/auth", "/None"):
        api.expect(404, "GET", name + path)


@sqlite_only
def test_both_names_have_the_same_document(make_api: MakeApi) -> None:
    api = make_api()
    server, openid = (api.expect(200, "GET", name) for name in (SERVER, OPENID))
    assert server.content == openid.content
    assert server.headers["Cache-Control"] == openid.headers["Cache-Control"]


# The document's server


@sqlite_only
@pytest.mark.parametrize("path", ["", "/auth", "/a/b"])
def test_the_document_names_the_url_and_the_path_that_a_proxy_takes_away(
    make_api: MakeApi, path: str
) -> None:
    document = make_api(public_url=BASE + path).expect(200, "GET", "/openapi.json").json()
    assert document["servers"] == [{"url": BASE + path}]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@sqlite_only
def test_mounted_the_servers_are_named_once(make_app: MakeApp, stack: ExitStack) -> None:
    host = FastAPI()
    host.mount("/auth", make_app(public_url=f"{BASE}/auth"))
    client = stack.enter_context(AppClient(host))
    assert client.get("/auth/openapi.json").json()["servers"] == [{"url": f"{BASE}/auth"}]


def test_a_server_that_is_told_its_root_path_says_it(tmp_path: Path) -> None:
    """Behind a proxy that takes the prefix away."""
    port = free_port()
    options = ("--factory", "--root-path", "/auth", "--port", str(port))
    command = (sys.executable, "-m", "uvicorn", "authapi:create_app", *options)
    env = environment(**SERVER_SETTINGS, public_url=f"{BASE}/auth")
    with Program(command, tmp_path, env, port) as program, program.client() as client:
        assert client.get("/openapi.json").json()["servers"] == [{"url": f"{BASE}/auth"}]
        assert client.get("/verify").status_code == 401
        for name in (SERVER, f"{SERVER}/auth", f"{OPENID}/auth"):
            assert client.get(name).json()["issuer"] == f"{BASE}/auth"


@sqlite_only
@pytest.mark.parametrize("root", ["", "/", "/v", "/ver", "/auth", "/auth/"])
@pytest.mark.parametrize("is_in_path", [True, False], ids=["in the path", "taken away"])
@pytest.mark.parametrize("path", ["/verify", "/verify/x"])
def test_verify_is_found_wherever_the_other_routes_are(
    make_app: MakeApp, root: str, is_in_path: bool, path: str
) -> None:
    """A server names the root path, and may leave it out of the path: both are ASGI."""
    auth = make_app()

    async def at_root(scope: Scope, receive: Receive, send: Send) -> None:
        await auth({**scope, "root_path": root}, receive, send)

    prefix = root if is_in_path else ""
    with AppClient(at_root) as client:  # type: ignore[arg-type]
        other = client.get(f"{prefix}/me").status_code
        assert client.get(f"{prefix}{path}").status_code == other
        metrics = client.get(f"{prefix}/metrics").text
    if other != 404:
        assert 'authapi_requests_total{route="/verify",status="401"} 1.0' in metrics


@sqlite_only
def test_an_application_around_it_can_route_the_place_at_the_host(
    make_app: MakeApp, stack: ExitStack
) -> None:
    """As Authapi.mount does (authapi.embedded)."""
    auth, host = make_app(public_url=f"{BASE}/auth"), FastAPI()
    host.mount("/auth", auth)
    for name in (SERVER, OPENID):
        host.add_route(f"{name}/auth", auth)  # type: ignore[arg-type]
    client = stack.enter_context(AppClient(host))
    for place in (f"{SERVER}/auth", f"{OPENID}/auth", f"/auth{SERVER}", f"/auth{OPENID}"):
        answer = client.get(place)
        assert (answer.status_code, answer.json()["issuer"]) == (200, f"{BASE}/auth")
        assert answer.headers["X-Request-ID"]
    assert client.post(f"{SERVER}/auth").status_code == 405
