"""Pages beside a mounted authapi: to the log-in page and back, and never to another site."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request

from authapi.verifier import Claims
from authapi.web.site import Form, Pages, safe_next
from tests.support.api import EMAIL, PASSWORD
from tests.support.app_transport import AppClient
from tests.support.cookies import Jar
from tests.support.raw_asgi import send_raw
from tests.support.service import Service

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
ORIGIN = {"Origin": "http://localhost:8000"}
LOGIN = {"email": EMAIL, "password": PASSWORD, "transport": "session"}


@pytest.fixture(scope="module")
def site(service: Service) -> Iterator[AppClient]:
    pages = Pages(service.api.app, login="/login")
    app = FastAPI()
    app.mount("/auth", service.api.app)

    @app.api_route("/dashboard", methods=["GET", "POST"])
    async def dashboard(reader: Annotated[Claims, Depends(pages.subject)]) -> dict[str, str]:
        return {"sub": reader.sub, "csrf_token": pages.csrf_token(reader)}

    @app.post("/ask/{path:path}")
    async def ask(path: str, request: Request, form: Form) -> dict[str, Any]:
        token = form.pop("csrf_token", "")
        answer = await pages.ask(request, form.pop("method"), f"/{path}", form or None, token)
        return {"status": answer.status, "json": answer.json}

    with AppClient(app, base_url="http://localhost:8000") as client:
        yield client


@pytest.fixture
def cookie(site: AppClient) -> dict[str, str]:
    """The header of somebody who is logged in."""
    jar = Jar()
    jar.take(site.post("/auth/login", json=LOGIN, headers=ORIGIN))
    return jar.header


def test_a_page_request_without_a_credential_is_sent_to_the_log_in_page(site: AppClient) -> None:
    answer = site.get("/dashboard?tab=a%2Fb&q=1", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/dashboard%3Ftab%3Da%252Fb%26q%3D1"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_way_back_is_one_that_is_taken(site: AppClient) -> None:
    location = site.get("/dashboard?tab=a%2Fb&q=1", headers=HTML).headers["Location"]
    given = httpx.URL(f"http://localhost{location}").params["next"]
    assert safe_next(given) == given == "/dashboard?tab=a%2Fb&q=1"


@pytest.mark.parametrize(
    ("target", "back"),
    [
        ("/dashboard?q=\xff", "/dashboard?q=%FF"),
        ("/dashboard?q=\xc3\xa9&r=%C3%A9", "/dashboard?q=%C3%A9&r=%C3%A9"),
    ],
)
def test_the_way_back_holds_any_bytes_of_a_query(site: AppClient, target: str, back: str) -> None:
    path, _, query = target.partition("?")
    sent = send_raw(site.app, "GET", path, list(HTML.items()), query=query.encode("latin-1"))
    location = dict(sent.headers)[b"location"].decode()
    assert sent.status == 303
    assert safe_next(httpx.URL(f"http://localhost{location}").params["next"]) == back


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_an_api_call_without_a_credential_is_401(site: AppClient, accept: str) -> None:
    answer = site.get("/dashboard", headers={"Accept": accept})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'


def test_a_form_that_came_too_late_leads_to_the_log_in_page_alone(site: AppClient) -> None:
    answer = site.post("/dashboard", data={"a": "b"}, headers=HTML | ORIGIN)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_a_session_that_was_ended_is_sent_to_the_log_in_page(
    site: AppClient, service: Service, cookie: dict[str, str]
) -> None:
    assert site.get("/dashboard", headers=HTML | cookie).status_code == 200
    assert service.api.client.delete("/sessions", headers=service.tokens.bearer).status_code == 204
    assert site.get("/dashboard", headers=HTML | cookie).status_code == 303


def test_a_form_is_taken_with_its_csrf_token_only(site: AppClient, cookie: dict[str, str]) -> None:
    token = site.get("/dashboard", headers=cookie).json()["csrf_token"]
    good = site.post("/dashboard", data={"csrf_token": token}, headers=ORIGIN | cookie)
    assert good.status_code == 200
    for data in ({"csrf_token": "no"}, {"csrf_token": "\u0142\r\n"}, {}):
        assert site.post("/dashboard", data=data, headers=HTML | ORIGIN | cookie).status_code == 403
    foreign = site.post(
        "/dashboard", data={"csrf_token": token}, headers=cookie | {"Origin": "null"}
    )
    assert foreign.status_code == 403


def test_a_header_of_the_page_outranks_the_field(site: AppClient, cookie: dict[str, str]) -> None:
    token = site.get("/dashboard", headers=cookie).json()["csrf_token"]
    headers = ORIGIN | cookie | {"X-CSRF-Token": "no"}
    assert site.post("/dashboard", data={"csrf_token": token}, headers=headers).status_code == 403


def test_a_form_that_is_too_large_is_413(site: AppClient, cookie: dict[str, str]) -> None:
    data = {"csrf_token": "x" * 70_000}
    assert site.post("/dashboard", data=data, headers=ORIGIN | cookie).status_code == 413


def test_what_the_server_asks_for_its_page_is_held_to_the_same_rules(
    site: AppClient, cookie: dict[str, str]
) -> None:
    token = site.get("/dashboard", headers=cookie).json()["csrf_token"]

    def ask(path: str, fields: dict[str, str], sent: dict[str, str] = ORIGIN) -> Any:
        form = {"method": "POST", **fields}
        return site.post(f"/ask/{path}", data=form, headers=cookie | sent).json()

    assert ask("login", LOGIN, {"Origin": "https://evil.example"})["status"] == 403
    assert ask("login", LOGIN | {"password": "wrong"})["status"] == 401
    assert ask("me", {"method": "GET"})["json"]["email"] == EMAIL
    assert ask("logout", {})["status"] == 403
    assert ask("logout", {"csrf_token": token}) == {"status": 204, "json": None}
    assert site.get("/dashboard", headers=cookie).status_code == 401


@pytest.mark.parametrize("path", ["me/../me", "./me", "me/.", "me%2F..%2Fme", "../me"])
def test_a_path_reaches_no_other_route(site: AppClient, cookie: dict[str, str], path: str) -> None:
    """A site puts ids of its visitors into a path."""
    target = path.replace("%", "%25").replace(".", "%2E")
    answer = site.post(f"/ask/{target}", data={"method": "GET"}, headers=cookie | ORIGIN)
    assert answer.json()["status"] == 404


def test_a_path_that_is_too_long_is_404(service: Service) -> None:
    """A site may put a field of a form into the path; httpx takes no more than 64 KiB."""
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []})
    asking = Pages(service.api.app).ask(request, "DELETE", "/sessions/" + "é" * 12_000)
    assert asyncio.run(asking).status == 404


def test_what_the_server_asks_comes_from_the_browsers_address(
    site: AppClient, cookie: dict[str, str]
) -> None:
    data = {"method": "GET"}
    sessions = site.post("/ask/sessions", data=data, headers=cookie | ORIGIN).json()["json"]
    assert {session["ip"] for session in sessions} == {"192.0.2.1"}
    form = {"method": "POST", **LOGIN}
    with AppClient(site.app, address="192.0.2.77", base_url="http://localhost:8000") as elsewhere:
        answer = elsewhere.post("/ask/login", data=form, headers=ORIGIN).json()
    assert answer["status"] == 200
    sessions = site.post("/ask/sessions", data=data, headers=cookie | ORIGIN).json()["json"]
    assert "192.0.2.77" in {session["ip"] for session in sessions}


def test_a_page_is_the_first_that_anybody_asks_for(service: Service, tmp_path: Any) -> None:
    """A mounted application has no start-up of its own: the page waits for it."""
    from authapi import create_app
    from authapi.config import Settings

    auth = create_app(Settings(database_url=f"sqlite:///{tmp_path}/new.db"))
    pages, app = Pages(auth), FastAPI()
    app.get("/")(pages.subject)
    with AppClient(app) as client:
        assert client.get("/").status_code == 401
    auth.state.runtime.close()


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/b?c=d&e=%20f#g", "/@ada", "/a@b", "/a:b", "/my%20file", "/?u=https://x"]
)
def test_a_path_of_this_site_is_taken(path: str) -> None:
    assert safe_next(path) == path


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "a",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/%5cevil.example",
        "/%5Cevil.example",
        "/%2fevil.example",
        "/%2F/evil.example",
        "https:evil.example",
        "https://evil.example",
        "https:/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.example",
        ".evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/%0d%0aSet-Cookie:%20a=b",
        "/%09/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/ /evil.example",
        "/\u2028/evil.example",
        "/\uff0fevil.example",
        "\u2215evil.example",
        "/a\x00",
        "/a?\x7f",
        "/a\ud800",
    ],
)
def test_whatever_could_lead_to_another_site_is_not_taken(given: str | None) -> None:
    assert safe_next(given, "/home") == "/home"
