"""The dependencies of authapi.embedded, in routes of somebody's own."""

from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse

from authapi.embedded import Authapi, Claims, User
from tests.embedded.conftest import ORIGIN, Host, MakeAuth, MakeHost
from tests.support.api import EMAIL
from tests.support.clock import TestClock
from tests.support.transports import COOKIE_TRANSPORTS, TRANSPORTS, Holder
from tests.verifier.asgi_exchange import ask

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def application(auth: Authapi) -> FastAPI:
    app = FastAPI()
    add_requirements(app, auth)

    @app.get("/subject")
    @app.post("/subject")
    async def subject_of(subject: Annotated[Claims, Depends(auth.subject)]) -> str:
        return subject.sub

    @app.get("/user")
    def user_of(user: Annotated[User, Depends(auth.user)]) -> dict[str, Any]:
        return {"id": user.id, "email": user.email, "username": user.username}

    @app.get("/log-in")
    async def log_in_of(subject: Annotated[Claims, Depends(auth.subject)]) -> dict[str, Any]:
        return {name: getattr(subject, name) for name in ("auth_time", "acr", "amr")}

    @app.websocket("/socket")
    async def socket(
        websocket: WebSocket, subject: Annotated[Claims, Depends(auth.subject)]
    ) -> None:
        await websocket.accept()
        await websocket.send_text(subject.sub)
        await websocket.close()

    @app.get("/own/{status}")
    async def own(status: int) -> None:
        raise HTTPException(status, "theirs")

    return app


def add_requirements(app: FastAPI, auth: Authapi) -> None:
    @app.get("/writers")
    async def writers(subject: Annotated[Claims, auth.require("reports:write", "admin")]) -> str:
        return subject.sub

    @app.get("/readers", dependencies=[auth.require("reports:read")])
    async def readers(user: Annotated[User, Depends(auth.user)]) -> str:
        return user.id

    @app.get("/fresh")
    async def fresh(subject: Annotated[Claims, auth.require(max_age=600)]) -> str:
        return subject.sub

    @app.get("/strong")
    async def strong(subject: Annotated[Claims, auth.require(acr="aal2")]) -> str:
        return subject.sub

    @app.get("/password")
    async def password(subject: Annotated[Claims, auth.require(acr="aal1", max_age=0)]) -> str:
        return subject.sub


@pytest.fixture
def host(make_auth: MakeAuth, make_host: MakeHost) -> Host:
    auth = make_auth()
    app = application(auth)
    auth.mount(app, "/auth")
    return make_host(app, auth)


@sqlite
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_subject_tells_when_and_how_the_user_logged_in(
    host: Host, clock: TestClock, transport: str
) -> None:
    logged_in_at = int(clock())
    ada = host.logged_in(transport)
    clock.advance(60)
    answer = host.client.get("/log-in", headers=ada.headers)
    assert answer.json() == {"auth_time": logged_in_at, "acr": "aal1", "amr": ["pwd"]}


@sqlite
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_transport_is_read(host: Host, transport: str) -> None:
    holder = host.logged_in(transport)
    answer = host.client.get("/subject", headers=holder.headers)
    assert answer.json() == holder.send("GET", "/me").json()["id"]
    holder.log_out()
    assert host.client.get("/subject", headers=holder.headers).status_code == 401


def test_the_user_is_the_account(host: Host) -> None:
    holder = host.logged_in()
    me = holder.send("GET", "/me").json()
    answer = host.client.get("/user", headers=holder.headers)
    assert answer.json() == {"id": me["id"], "email": EMAIL, "username": "ada"}


@sqlite
@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS[1:])
def test_a_change_by_cookie_needs_the_csrf_token_and_no_foreign_origin(
    host: Host, transport: str
) -> None:
    holder = host.logged_in(transport)
    headers = holder.headers
    assert host.client.post("/subject", headers=headers | {"Origin": ORIGIN}).status_code == 200
    foreign = host.client.post("/subject", headers=headers | {"Origin": "https://evil.example"})
    del headers["X-CSRF-Token"]
    without = host.client.post("/subject", headers=headers)
    assert [foreign.json()["error"], without.json()["error"]] == ["csrf_failed"] * 2
    assert host.client.get("/subject", headers=headers).status_code == 200


@sqlite
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer nonsense")],
        [("Authorization", "Basic eDp5")],
        [("Authorization", "Bearer one"), ("Authorization", "Bearer two")],
        [("Cookie", "authapi-session=nonsense")],
    ],
)
def test_a_refusal_has_the_bytes_of_authapi(host: Host, headers: list[tuple[str, str]]) -> None:
    theirs = host.client.get("/subject", headers=headers)
    ours = host.api.client.get("/me", headers=headers)
    assert (theirs.status_code, theirs.content) == (ours.status_code, ours.content)
    challenges = [answer.headers.get("WWW-Authenticate") for answer in (theirs, ours)]
    assert challenges[0] == challenges[1]


@sqlite
def test_a_missing_scope_is_named(host: Host) -> None:
    holder = host.logged_in()
    answer = host.client.get("/writers", headers=holder.headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="admin reports:write"' in answer.headers["WWW-Authenticate"]
    assert host.client.get("/readers", headers=holder.headers).status_code == 200


@sqlite
def test_an_old_log_in_has_to_be_made_fresh(host: Host, clock: TestClock) -> None:
    holder = host.logged_in()
    clock.advance(600)
    assert host.client.get("/fresh", headers=holder.headers).status_code == 200
    clock.advance(1)
    answer = host.client.get("/fresh", headers=holder.headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "insufficient_user_authentication")
    assert answer.headers["WWW-Authenticate"].endswith('max_age="600"')
    holder.take(holder.send("POST", "/reauth", json={"password": "correct horse battery staple"}))
    assert host.client.get("/fresh", headers=holder.headers).status_code == 200


@sqlite
def test_a_password_alone_is_not_a_second_factor(host: Host) -> None:
    holder = host.logged_in()
    answer = host.client.get("/strong", headers=holder.headers)
    assert answer.headers["WWW-Authenticate"].endswith('acr_values="aal2"')
    assert host.client.get("/password", headers=holder.headers).status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [{"acr": "aal3"}, {"acr": ""}, {"scopes": ["two words"]}, {"scopes": [""]}, {"max_age": -1}],
)
def test_what_no_credential_can_have_is_refused_at_the_start(wanted: dict[str, Any]) -> None:
    from authapi.config import Settings

    auth = Authapi(Settings())
    with pytest.raises(ValueError, match=r"scope is one word|max_age is 0 or more"):
        auth.require(*wanted.pop("scopes", ()), **wanted)


@sqlite
def test_the_document_shows_the_lock_and_nothing_of_authapi(host: Host) -> None:
    document = host.client.get("/openapi.json").json()
    locked = {path for path, item in document["paths"].items() if "security" in item["get"]}
    assert locked == {
        "/subject",
        "/log-in",
        "/user",
        "/writers",
        "/readers",
        "/fresh",
        "/strong",
        "/password",
    }
    assert document["paths"].keys() == locked | {"/own/{status}"}
    assert document["components"]["securitySchemes"]["accessToken"]["scheme"] == "bearer"


CLAIMS = Claims("grace", "a-sid", frozenset({"reports:read"}), 0, 0, "", {"auth_time": 0})


@pytest.fixture
def overridden(host: Host) -> Iterator[Host]:
    host.app.dependency_overrides[host.auth.subject] = lambda: CLAIMS
    yield host
    host.app.dependency_overrides.clear()


@sqlite
def test_a_test_may_say_who_asks(overridden: Host) -> None:
    assert overridden.client.get("/subject").json() == "grace"
    assert overridden.client.get("/writers").json()["error"] == "insufficient_scope"
    assert overridden.client.get("/fresh").json()["error"] == "insufficient_user_authentication"


@sqlite
def test_a_test_may_say_which_account(overridden: Host) -> None:
    user = User("grace", "grace@example.com", True, None, frozenset(), None)  # type: ignore[arg-type]
    overridden.app.dependency_overrides[overridden.auth.user] = lambda: user
    assert overridden.client.get("/readers").json() == "grace"


@sqlite
def test_annotations_may_be_text(make_auth: MakeAuth) -> None:
    from tests.embedded import postponed

    auth = make_auth()
    with (
        postponed.auth.replaced(auth.settings, auth._clock),
        closing(Host(postponed.app, postponed.auth)) as host,
    ):
        holder = host.logged_in()
        assert host.client.get("/user", headers=holder.headers).json() == EMAIL
        for path in ("/subject", "/writer"):
            sub = holder.send("GET", "/me").json()["id"]
            assert host.client.get(path, headers=holder.headers).json() == sub
            assert host.client.get(path).status_code == 401


@sqlite
def test_a_websocket_is_refused_before_it_is_accepted(host: Host) -> None:
    holder = host.logged_in("cookie")
    sent = {"Cookie": holder.headers["Cookie"]}
    for headers in ({}, {"Authorization": "Bearer nonsense"}, sent):
        refused = ask(host.app, "/socket", headers, kind="websocket").messages
        assert [message["type"] for message in refused] == ["websocket.close"]
    sent["Origin"] = ORIGIN
    accepted = ask(host.app, "/socket", sent, kind="websocket").messages
    assert accepted[0]["type"] == "websocket.accept"


@sqlite
def test_the_hosts_own_errors_stay_its_own(make_auth: MakeAuth, make_host: MakeHost) -> None:
    async def answer(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return JSONResponse({"theirs": error.detail}, error.status_code)

    auth = make_auth()
    app = application(auth)
    app.add_exception_handler(HTTPException, answer)
    auth.mount(app, "/auth")
    host = make_host(app, auth)
    assert host.client.get("/own/401").json() == {"theirs": "theirs"}
    assert host.client.get("/subject").json()["error"] == "invalid_token"


@sqlite
def test_an_application_below_the_host_is_refused_too(host: Host) -> None:
    """Only the host's handler writes the body. FastAPI's own puts it under `detail`."""
    below = application(host.auth)
    host.app.mount("/below", below)
    answer = host.client.get("/below/subject")
    assert (answer.status_code, answer.json()["detail"]["error"]) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'


@sqlite
def test_the_first_request_to_a_route_starts_authapi(host: Host) -> None:
    assert host.client.get("/subject").status_code == 401


def test_a_database_out_of_reach_is_503(make_host: MakeHost, make_auth: MakeAuth) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    auth = make_auth(database_url=url)
    app = application(auth)
    auth.mount(app, "/auth")
    host = make_host(app, auth)
    answer = host.client.get("/subject")
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"


@sqlite
def test_a_refusal_in_a_route_of_the_host_is_counted(host: Host) -> None:
    host.client.get("/subject")
    holder: Holder = host.logged_in()
    host.client.get("/writers", headers=holder.headers)
    metrics = host.api.client.get("/metrics").text
    assert 'authapi_refusals_total{refusal="NoCredential"} 1.0' in metrics
