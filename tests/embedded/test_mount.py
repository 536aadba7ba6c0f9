"""Authapi.mount: what it adds to an application of somebody's own, and what it leaves alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio
import httpx
import pytest
from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.staticfiles import StaticFiles

from authapi.config import Settings
from authapi.embedded import Authapi, Claims
from authapi.errors import CommandError
from tests.embedded.conftest import ORIGIN, MakeAuth, MakeHost
from tests.support.api import EMAIL, PASSWORD
from tests.support.until import until

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("public_url", "path", "advice"),
    [
        (ORIGIN, "/auth", f"{ORIGIN}/auth"),
        (f"{ORIGIN}/login", "/auth", f"{ORIGIN}/auth"),
        (ORIGIN, "/", f"{ORIGIN}/auth"),
        (ORIGIN, "", f"{ORIGIN}/auth"),
    ],
)
def test_a_mount_that_the_public_url_does_not_name_is_refused(
    public_url: str, path: str, advice: str
) -> None:
    with pytest.raises(CommandError) as refused:
        Authapi(Settings(public_url=public_url)).mount(FastAPI(), path)
    assert f"AUTHAPI_PUBLIC_URL is {public_url}." in str(refused.value)
    assert str(refused.value).endswith(f"has to end with it: {advice}")


def test_a_proxy_may_put_a_path_before_it() -> None:
    auth = Authapi(Settings(public_url="https://example.com/api/auth"))
    auth.mount(FastAPI(), "/auth/")


def test_nothing_is_written_before_the_application_starts(tmp_path: Path) -> None:
    auth = Authapi(Settings(public_url=f"{ORIGIN}/auth"))
    auth.mount(FastAPI(), "/auth")
    auth.require("reports:write")
    assert list(tmp_path.iterdir()) == []


def test_handlers_middleware_and_routes_of_the_host_are_left_alone() -> None:
    app, untouched = FastAPI(), FastAPI()
    Authapi(Settings(public_url=f"{ORIGIN}/auth")).mount(app, "/auth")
    assert app.user_middleware == []
    assert app.openapi() == untouched.openapi()
    (added,) = app.exception_handlers.keys() - untouched.exception_handlers.keys()
    assert isinstance(added, type)
    assert issubclass(added, HTTPException)
    assert app.exception_handlers.items() >= untouched.exception_handlers.items()


def counting(auth: Authapi, log: list[Any]) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        log.append(auth.app.state.start_gate.is_open)
        yield {"greeting": "theirs"}
        log.append(auth.app.state.start_gate.is_open)

    app = FastAPI(lifespan=lifespan)

    @app.get("/greeting")
    async def greeting(request: Request) -> str:
        return str(request.state.greeting)

    auth.mount(app, "/auth")
    return app


@sqlite
def test_authapi_runs_before_and_after_the_hosts_own_lifespan(make_auth: MakeAuth) -> None:
    log: list[Any] = []
    auth = make_auth()
    app = counting(auth, log)

    async def run() -> None:
        async with app.router.lifespan_context(app) as state:
            log.append(state)
            log.append(current_default_thread_limiter().total_tokens)

    anyio.run(run)
    assert log == [True, {"greeting": "theirs"}, 40, True]
    assert not auth.app.state.start_gate.is_open


@sqlite
def test_an_application_that_is_started_again_works_again(
    make_auth: MakeAuth, tmp_path: Path
) -> None:
    """Tests often enter the lifespan of one application for each test."""
    auth = make_auth(mail_dir=tmp_path / "mail")
    app = FastAPI()
    auth.mount(app, "/auth")

    async def register(email: str) -> int:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client,
        ):
            body = {"email": email, "password": PASSWORD}
            answer = await client.post("/auth/register", json=body)
            await anyio.to_thread.run_sync(wait_for_mail, email)
            return answer.status_code

    def wait_for_mail(email: str) -> None:
        mails = tmp_path / "mail"
        until(lambda: any(email in mail.read_text() for mail in mails.glob("*.eml")), seconds=60)

    assert anyio.run(register, EMAIL) == 201
    assert anyio.run(register, "grace@example.com") == 201


@sqlite
def test_the_metadata_is_at_the_host_too(make_auth: MakeAuth, make_host: MakeHost) -> None:
    app, auth = FastAPI(), make_auth()
    auth.mount(app, "/auth")
    host = make_host(app, auth)
    for name in ("oauth-authorization-server", "openid-configuration"):
        answer = host.client.get(f"/.well-known/{name}/auth")
        assert answer.json()["issuer"] == f"{ORIGIN}/auth"


@sqlite
@pytest.mark.parametrize(
    ("name", "member"), [("webauthn", "origins"), ("passkey-endpoints", "enroll")]
)
def test_the_files_for_passkeys_are_at_the_host_too(
    make_auth: MakeAuth, make_host: MakeHost, name: str, member: str
) -> None:
    app, page = FastAPI(), "https://app.example.com/new"
    auth = make_auth(passkey_origins="https://app.example.org", passkey_enroll_url=page)
    auth.mount(app, "/auth")
    host = make_host(app, auth)
    at_top, below = (host.client.get(f"{at}/.well-known/{name}") for at in ("", "/auth"))
    assert at_top.status_code == 200
    assert at_top.headers["Content-Type"] == "application/json"
    assert member in at_top.json()
    assert at_top.content == below.content


@sqlite
def test_files_for_passkeys_that_authapi_has_not_are_the_hosts(
    make_auth: MakeAuth, make_host: MakeHost, tmp_path: Path
) -> None:
    """The usual order: a folder of files at the top is mounted last."""
    (tmp_path / ".well-known").mkdir()
    (tmp_path / ".well-known" / "webauthn").write_text('"theirs"')
    app, auth = FastAPI(), make_auth()
    auth.mount(app, "/auth")
    app.mount("/", StaticFiles(directory=tmp_path))
    assert make_host(app, auth).client.get("/.well-known/webauthn").json() == "theirs"


@sqlite
def test_a_file_for_passkeys_that_the_host_has_is_left_alone(
    make_auth: MakeAuth, make_host: MakeHost
) -> None:
    app, auth = FastAPI(), make_auth()

    @app.get("/.well-known/passkey-endpoints")
    def own() -> str:
        return "theirs"

    auth.mount(app, "/auth")
    assert make_host(app, auth).client.get("/.well-known/passkey-endpoints").json() == "theirs"


def test_below_a_path_of_a_proxy_nothing_is_added_at_the_host() -> None:
    app, untouched = FastAPI(), FastAPI()
    Authapi(Settings(public_url="https://example.com/api/auth")).mount(app, "/auth")
    assert len(app.routes) == len(untouched.routes) + 1


@sqlite
def test_each_of_two_mounts_takes_its_own_tokens(
    make_auth: MakeAuth, make_host: MakeHost, tmp_path: Path
) -> None:
    app, auth = FastAPI(), make_auth()
    other = make_auth("/staff", database_url=f"sqlite:///{tmp_path}/staff.db")
    auth.mount(app, "/auth")
    other.mount(app, "/staff")

    @app.get("/customers")
    async def customers(subject: Annotated[Claims, Depends(auth.subject)]) -> str:
        return subject.sub

    @app.get("/colleagues")
    async def colleagues(subject: Annotated[Claims, Depends(other.subject)]) -> str:
        return subject.sub

    host = make_host(app, auth)
    headers = host.logged_in().headers
    assert host.client.get("/customers", headers=headers).status_code == 200
    assert host.client.get("/colleagues", headers=headers).status_code == 401
    other.app.state.start_gate.close()
