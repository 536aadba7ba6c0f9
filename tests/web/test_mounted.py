"""The application inside another one, which has no idea of its start-up."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI

from authapi.config import Settings
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.app_transport import AppClient
from tests.support.application import MakeApp

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Mount = Callable[..., Api]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """`mount(one, two)` below /auth and /auth1 of an application of somebody's own."""
    clients: list[AppClient] = []

    def make(*apps: FastAPI) -> Api:
        host = FastAPI()

        @host.get("/own")
        def own() -> str:
            return "theirs"

        for number, app in enumerate(apps):
            host.mount("/auth" if number == 0 else f"/auth{number}", app)
        clients.append(AppClient(host))
        return Api(clients[-1])

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def host(mount: Mount, make_app: MakeApp) -> Api:
    return mount(make_app())


def register(host: Api, at: str = "/auth") -> None:
    host.expect(201, "POST", f"{at}/register", json={"email": EMAIL, "password": PASSWORD})


def login(host: Api, at: str = "/auth", **more: str) -> Tokens:
    body = {"email": EMAIL, "password": PASSWORD, **more}
    return Tokens(host.expect(200, "POST", f"{at}/login", json=body).json())


def test_the_first_request_prepares_what_a_start_up_would_have(host: Api) -> None:
    host.expect(401, "GET", "/auth/verify")


def test_a_session_lives_from_log_in_to_log_out(host: Api) -> None:
    register(host)
    tokens = login(host)
    host.expect(200, "GET", "/auth/me", headers=tokens.bearer)
    body = {"refresh_token": tokens.refresh}
    successor = Tokens(host.expect(200, "POST", "/auth/refresh", json=body).json())
    host.expect(204, "POST", "/auth/logout", headers=successor.bearer)
    host.expect(401, "GET", "/auth/verify", headers=successor.bearer)


def test_a_request_below_verify_is_verified(host: Api) -> None:
    register(host)
    tokens = login(host)
    host.expect(204, "DELETE", "/auth/verify/orders/7", headers=tokens.bearer)


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/auth/nowhere", 404, "not_found"),
        ("GET", "/auth/login", 405, "method_not_allowed"),
        ("GET", "/auth/me", 401, "invalid_token"),
    ],
)
def test_errors_have_the_one_form(
    host: Api, method: str, path: str, status: int, error: str
) -> None:
    answer = host.expect(status, method, path)
    assert answer.json()["error"] == error
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]


def test_the_document_names_the_public_url_as_its_server(mount: Mount, make_app: MakeApp) -> None:
    host = mount(make_app(public_url="https://example.com/auth"))
    document = host.expect(200, "GET", "/auth/openapi.json").json()
    assert document["servers"] == [{"url": "https://example.com/auth"}]
    assert "/login" in document["paths"]


def test_the_page_of_the_docs_finds_its_parts(host: Api) -> None:
    page = host.expect(200, "GET", "/auth/docs").text
    parts = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert len(parts) >= 3
    for part in parts:
        host.expect(200, "GET", urljoin("/auth/docs", part))


def test_what_surrounds_it_is_left_alone(host: Api) -> None:
    answer = host.expect(200, "GET", "/own")
    assert answer.json() == "theirs"
    assert "X-Request-ID" not in answer.headers
    assert host.expect(404, "GET", "/nowhere").json() == {"detail": "Not Found"}


def test_the_probes_answer_below_the_mount(host: Api) -> None:
    host.expect(200, "GET", "/auth/healthz")
    host.expect(200, "GET", "/auth/readyz")


@pytest.mark.parametrize("name", ["jwks.json", "passkey-endpoints"])
def test_public_documents_answer_below_the_mount(host: Api, name: str) -> None:
    host.expect(200, "GET", f"/auth/.well-known/{name}")


def test_two_applications_in_one_process_share_nothing(
    mount: Mount, make_app: MakeApp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("second") / "second.db"
    other = make_app(
        database_url=f"sqlite:///{elsewhere}",
        secret="a second secret which is as long as the first",
        public_url="http://localhost:9000",
    )
    host = mount(make_app(), other)
    register(host)
    host.expect(401, "POST", "/auth1/login", json={"email": EMAIL, "password": PASSWORD})
    register(host, "/auth1")
    first, second = login(host), login(host, "/auth1")
    host.expect(204, "GET", "/auth1/verify", headers=second.bearer)
    host.expect(401, "GET", "/auth1/verify", headers=first.bearer)
    host.expect(401, "GET", "/auth/verify", headers=second.bearer)
    host.expect(204, "POST", "/auth/logout/all", headers=first.bearer)
    host.expect(204, "GET", "/auth1/verify", headers=second.bearer)


def test_two_applications_on_one_database_know_the_same_accounts(
    mount: Mount, make_app: MakeApp
) -> None:
    host = mount(make_app(), make_app())
    register(host)
    tokens = login(host, "/auth1")
    host.expect(204, "GET", "/auth/verify", headers=tokens.bearer)


def test_settings_that_are_given_need_no_environment(make_app: MakeApp) -> None:
    settings: Settings = make_app(audience="given").state.runtime.settings
    assert settings.audience == "given"
