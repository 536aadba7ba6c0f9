"""The kind: a client that hands its credentials to somebody else (issue 11, row 16).

On real sockets: a host that the token was not meant for, and an authapi whose address answers with
a redirect, as a mistyped or captured one does.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import anyio
import httpx
import pytest

from authapi.client import AuthapiAuth, StoredTokens

PASSWORD, TOKEN, REFRESH = "the-password", "the-access-token", "the-refresh-token"
KEY = "the-idempotency-key"
SECRETS = (PASSWORD, TOKEN, REFRESH, KEY)
PAIR = {"access_token": TOKEN, "expires_in": 900, "refresh_token": REFRESH}


@dataclass
class Host:
    """A host that notes what it is sent. It answers a token pair, or a redirect."""

    heard: list[str] = field(default_factory=list)
    redirect: tuple[int, str] | None = None
    status: int = 200
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.heard.append(f"{handler.requestline}\n{handler.headers}\n{body.decode()}")
        content = json.dumps(PAIR).encode()
        if self.redirect:
            handler.send_response(self.redirect[0])
            handler.send_header("Location", self.redirect[1])
        else:
            handler.send_response(self.status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def has_heard(self, *texts: str) -> bool:
        return any(text in heard for heard in self.heard for text in texts)


@pytest.fixture
def make_host() -> Iterator[Callable[[], Host]]:
    with ExitStack() as stack:

        def make() -> Host:
            host = Host()

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    host.answer(self)

                do_POST = do_GET  # noqa: N815

                def log_message(self, *_: object) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            host.url = f"http://127.0.0.1:{server.server_port}"
            return host

        yield make


@pytest.fixture
def authapi(make_host: Callable[[], Host]) -> Host:
    return make_host()


@pytest.fixture
def stranger(make_host: Callable[[], Host]) -> Host:
    return make_host()


Get = Callable[[httpx.Auth, str], httpx.Response]


def get(auth: httpx.Auth, url: str) -> httpx.Response:
    with httpx.Client(auth=auth, follow_redirects=True, trust_env=False) as client:
        return client.get(url)


def get_async(auth: httpx.Auth, url: str) -> httpx.Response:
    async def run() -> httpx.Response:
        options = {"auth": auth, "follow_redirects": True, "trust_env": False}
        async with httpx.AsyncClient(**options) as client:  # type: ignore[arg-type]
            return await client.get(url)

    return anyio.run(run)


each_way = pytest.mark.parametrize("get", [get, get_async])


def auth_of(authapi: Host, **more: object) -> AuthapiAuth:
    return AuthapiAuth(authapi.url, email="ada@example.com", password=PASSWORD, **more)  # type: ignore[arg-type]


@each_way
def test_a_host_that_was_not_named_gets_no_token(authapi: Host, stranger: Host, get: Get) -> None:
    stranger.status = 401  # which asks for a log-in and a second attempt
    assert get(auth_of(authapi), f"{stranger.url}/reports").status_code == 401
    assert len(stranger.heard) == 1
    assert not stranger.has_heard("Authorization", "authorization", *SECRETS)
    assert authapi.heard == []


@each_way
def test_a_host_that_was_named_gets_the_token_and_nothing_else(
    authapi: Host, stranger: Host, get: Get
) -> None:
    auth = auth_of(authapi, origins=[stranger.url], resource="reports")
    assert get(auth, f"{stranger.url}/reports").status_code == 200
    assert stranger.has_heard(f"Bearer {TOKEN}")
    assert not stranger.has_heard(PASSWORD, REFRESH)
    assert authapi.has_heard('"resource":"reports"')
    assert get(auth, f"{authapi.url}/me").status_code == 200
    assert not authapi.has_heard(TOKEN)  # only the named ones


@each_way
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("stored", [False, True], ids=["log-in", "refresh"])
def test_no_redirect_carries_a_password_or_a_refresh_token_on(
    authapi: Host, stranger: Host, get: Get, status: int, *, stored: bool
) -> None:
    authapi.redirect = (status, f"{stranger.url}/login")
    auth = auth_of(authapi, stored=StoredTokens(REFRESH, KEY) if stored else None)
    with pytest.raises(httpx.TooManyRedirects, match="final address"):
        get(auth, f"{authapi.url}/me")
    assert stranger.heard == []


@each_way
def test_no_redirect_on_the_same_host_is_followed_either(authapi: Host, get: Get) -> None:
    authapi.redirect = (308, "/elsewhere")
    with pytest.raises(httpx.TooManyRedirects):
        get(auth_of(authapi), f"{authapi.url}/me")
    assert len(authapi.heard) == 1


def test_a_redirect_that_is_not_asked_for_is_an_error_too(authapi: Host) -> None:
    authapi.redirect = (308, "/elsewhere")
    with (
        httpx.Client(auth=auth_of(authapi), trust_env=False) as client,
        pytest.raises(httpx.TooManyRedirects),
    ):
        client.get(f"{authapi.url}/me")


def test_a_body_can_be_sent_only_once_whatever_httpx_does(authapi: Host) -> None:
    """The second line of defence, alone: another version may follow redirects in another way."""
    auth = auth_of(authapi)
    request = next(auth.sync_auth_flow(httpx.Request("GET", authapi.url)))
    assert PASSWORD in b"".join(request.stream).decode()  # type: ignore[arg-type]
    with pytest.raises(httpx.StreamConsumed):
        b"".join(request.stream)  # type: ignore[arg-type]


@each_way
def test_a_redirect_of_the_api_takes_no_token_to_another_host(
    authapi: Host, make_host: Callable[[], Host], stranger: Host, get: Get
) -> None:
    api = make_host()
    api.redirect = (307, f"{stranger.url}/reports")
    assert get(auth_of(authapi, origins=[api.url]), f"{api.url}/reports").status_code == 200
    assert api.has_heard(TOKEN)
    assert len(stranger.heard) == 1
    assert not stranger.has_heard(*SECRETS)


PLACES = [
    *(
        "http://auth.example",
        "http://192.0.2.7",
        "http://localhost.example",
        "http://10.0.0.1:8000",
    ),
    *("ftp://auth.example", "auth.example", "", "https://", "https://ada:secret@auth.example", "*"),
    *("https://[::1", "http://0.0.0.0", "null"),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_a_token_must_not_go_to_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match=r"origin|https"):
        AuthapiAuth(place)
    with pytest.raises(ValueError, match=r"^((?!secret).)*$"):
        AuthapiAuth("https://auth.example", origins=[place])


@pytest.mark.parametrize(
    "place",
    [
        *("https://auth.example", "https://auth.example:8443/auth", "HTTPS://Auth.example/"),
        *("http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "http://a.localhost"),
    ],
)
def test_https_and_this_machine_are_fine(place: str) -> None:
    assert AuthapiAuth(place, origins=[place])


@pytest.mark.parametrize(
    ("url", "is_named"),
    [
        ("https://api.example/a?b", True),
        ("https://api.example:443/", True),
        ("https://API.example", True),
        ("https://api.example:8443", False),
        ("http://api.example", False),
        ("https://api.example.evil.example", False),
        ("https://evil.example/https://api.example", False),
        ("https://api.example@evil.example", False),
        ("https://a.api.example", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, *, is_named: bool) -> None:
    auth = AuthapiAuth("https://auth.example", password=PASSWORD, origins=["https://api.example"])
    first = next(auth.sync_auth_flow(httpx.Request("GET", url)))
    assert (first.url.path == "/login") is is_named
