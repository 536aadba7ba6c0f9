"""authapi.testing: what a test of somebody's own application gets."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio
import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from starlette.responses import JSONResponse

from authapi.config import Settings
from authapi.embedded import Authapi, Claims, User
from authapi.testing import PASSWORD, AuthServer, authapi_server
from authapi.verifier import InvalidTokenError, Verifier
from authapi.verifier.fastapi import AccessToken
from authapi.web.site import Pages
from tests.support.transports import TRANSPORTS

ADA = "ada@example.com"


def application(auth: Authapi) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"greeting": "Hello"}

    app = FastAPI(lifespan=lifespan)
    auth.mount(app, "/auth")

    @app.get("/reports")
    async def reports(subject: Annotated[Claims, auth.require("reports:read")]) -> str:
        return subject.sub

    @app.post("/greeting")
    async def greet(request: Request, user: Annotated[User, Depends(auth.user)]) -> str:
        return f"{request.state.greeting}, {user.email}"

    @app.get("/broken")
    async def broken() -> JSONResponse:
        raise LookupError("a mistake of the application")

    return app


@pytest.fixture(scope="module")
def host() -> tuple[Authapi, FastAPI]:
    auth = Authapi(Settings(public_url="http://localhost:8000/auth", audience="theirs"))
    return auth, application(auth)


@pytest.fixture(scope="module")
def server(host: tuple[Authapi, FastAPI]) -> Iterator[AuthServer]:
    with authapi_server(*host) as running:
        yield running


@pytest.fixture(scope="module")
def alone() -> Iterator[AuthServer]:
    with authapi_server() as running:
        yield running


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_client_is_logged_in_at_the_application(server: AuthServer, transport: str) -> None:
    ada = server.client(ADA, transport=transport)
    answer = ada.post("/greeting")
    assert (answer.status_code, answer.json()) == (200, f"Hello, {ADA}")
    assert ada.get("/auth/me").json()["email"] == ADA


def test_scopes_may_be_one_text_as_a_token_has_them(server: AuthServer) -> None:
    """The kind: text in the place of a list was taken for its letters."""
    reader = server.client("text@example.com", scopes="reports:read reports:write")
    assert reader.get("/reports").status_code == 200
    assert server.user("text@example.com").scopes == {"reports:read", "reports:write"}


def test_a_client_has_the_scopes_that_the_test_names(server: AuthServer) -> None:
    reader = server.client("reader@example.com", scopes=["reports:read"])
    assert reader.get("/reports").json() == server.user("reader@example.com").id
    assert server.client("reader@example.com").get("/reports").status_code == 200
    assert server.client("reader@example.com", scopes=[]).get("/reports").status_code == 403


def test_an_exception_of_the_application_reaches_the_test(server: AuthServer) -> None:
    with pytest.raises(LookupError, match="a mistake"):
        server.client(ADA).get("/broken")


def test_an_async_client_does_the_same(server: AuthServer) -> None:
    async def greet() -> str:
        async with server.async_client(ADA, transport="cookie") as ada:
            return str((await ada.post("/greeting")).json())

    assert anyio.run(greet) == f"Hello, {ADA}"


def test_it_takes_the_settings_of_the_application(server: AuthServer) -> None:
    assert server.url == "http://localhost:8000/auth"
    assert server.verifier.verify(server.token(ADA)).audiences == {"theirs"}


def test_the_application_is_left_as_it_was(host: tuple[Authapi, FastAPI], tmp_path: Path) -> None:
    auth = Authapi(Settings(public_url="http://localhost:8000/auth"))
    before = auth.settings
    with authapi_server(auth, application(auth)) as running:
        assert running.settings is not before
    assert auth.settings is before
    assert list(tmp_path.iterdir()) == []


def test_pages_ask_the_one_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # the settings' own database lies in the working directory
    auth = Authapi(Settings(public_url="http://localhost:8000/auth"))
    app, pages = application(auth), Pages(auth)

    @app.get("/dashboard")
    async def dashboard(request: Request, reader: Annotated[Claims, Depends(pages.subject)]) -> str:
        asked = await pages.ask(request, "GET", "/me", csrf_token=pages.csrf_token(reader))
        return str(asked.json["email"])

    with authapi_server(auth, app) as running:
        answer = running.client(ADA, transport="cookie").get("/dashboard")
        assert (answer.status_code, answer.json()) == (200, ADA)
    assert list(tmp_path.iterdir()) == []


def test_authapi_alone_is_asked_directly(alone: AuthServer) -> None:
    ada = alone.client(ADA, scopes=["reports:read"])
    assert ada.get("/me").json()["scopes"] == ["reports:read"]
    assert ada.post("/logout").status_code == 204
    assert ada.get("/me").status_code == 401


def test_a_service_verifies_its_tokens(alone: AuthServer) -> None:
    token = alone.token("grace@example.com", scopes=["reports:read"])
    claims = alone.verifier.verify(token)
    assert (claims.sub, claims.scopes) == (
        alone.user("grace@example.com").id,
        frozenset({"reports:read"}),
    )
    alone.client("grace@example.com").post("/logout/all")
    with pytest.raises(InvalidTokenError):
        alone.verifier.verify(token)


def test_a_client_asks_a_service_that_has_no_authapi_inside() -> None:
    service = FastAPI()
    with authapi_server(app=service, audience="reports") as running:
        readers = AccessToken(running.verifier, "reports:read")

        @service.get("/reports")
        async def reports(subject: Annotated[Claims, Depends(readers)]) -> str:
            return subject.sub

        reader = running.client(ADA, scopes=["reports:read"])
        assert reader.get("/reports").status_code == 200
        assert running.client(ADA, scopes=["other"]).get("/reports").status_code == 403


def test_mails_can_be_read(alone: AuthServer) -> None:
    ada = alone.client("mailed@example.com")
    ada.post("/password/forgot", json={"email": "mailed@example.com"})
    (mail,) = alone.mails("mailed@example.com")
    text = mail.get_body(("plain",))
    assert text
    code = re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", text.get_content())
    assert code
    body = {"email": "mailed@example.com", "code": code[0], "new_password": "a staple that is new"}
    assert ada.post("/password/reset", json=body).status_code == 204
    assert len(alone.mails()) >= 2  # and one that the password has changed


def test_there_are_no_limits_and_hashes_are_cheap(alone: AuthServer) -> None:
    stranger = alone.client(ADA)
    wrong = {"email": ADA, "password": "wrong"}
    statuses = {stranger.post("/login", json=wrong).status_code for _ in range(30)}
    assert statuses == {401}
    assert alone.settings.hash_memory_kib == 1024


def test_it_takes_nothing_from_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("AUTHAPI_SMTP_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("AUTHAPI_AUDIENCE", "of-the-machine")
    (tmp_path / ".env").write_text("AUTHAPI_REGISTRATION=closed\n")
    with authapi_server() as running:
        body = {"email": ADA, "password": PASSWORD}
        assert running.client("grace@example.com").post("/register", json=body).status_code == 201
        assert running.settings.audience == "authapi"
        assert [mail["To"] for mail in running.mails()] == [ADA]


def test_the_range_service_is_not_asked_nor_missed() -> None:
    auth = Authapi(
        Settings(
            public_url="http://localhost:8000/auth",
            breached_passwords_url="https://127.0.0.1:1/range/",
            breached_passwords_fail_closed=True,
        )
    )
    with authapi_server(auth, application(auth)) as running:
        body = {"email": "grace@example.com", "password": PASSWORD}
        assert running.client(ADA).post("/auth/register", json=body).status_code == 201


def test_a_served_one_is_asked_over_a_socket() -> None:
    auth = Authapi(Settings(public_url="http://localhost:8000/auth"))
    with authapi_server(auth, application(auth), serve=True) as running:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/auth", running.url)
        ada = running.client(ADA, scopes=["reports:read"], transport="cookie")
        assert ada.post("/greeting").json() == f"Hello, {ADA}"
        body = {"email": ADA, "password": PASSWORD}
        answer = httpx.post(f"{running.url}/login", json=body, trust_env=False)
        with Verifier(issuer=running.url, audience="authapi") as verifier:
            assert verifier.verify(answer.json()["access_token"]).sub == running.user(ADA).id


def test_time_is_the_tests() -> None:
    now = 1_800_000_000.0
    with authapi_server(clock=lambda: now) as running:
        ada = running.client(ADA)
        now += running.settings.access_token_ttl
        assert ada.get("/me").status_code == 401
