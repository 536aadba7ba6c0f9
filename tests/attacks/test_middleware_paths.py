"""No spelling of a path reaches a route behind AuthMiddleware without a token.

Behind it stand Starlette, and applications that read a path more freely than Starlette does.
"""

import re
from collections.abc import Callable
from posixpath import normpath
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from authapi.verifier.asgi import ASGIApp, AuthMiddleware, Receive, Scope, Send
from authapi.verifier.testing import TokenFactory
from tests.verifier.asgi_exchange import ask

TOKENS = TokenFactory()
SECRET = "/admin"

READINGS: dict[str, Callable[[str], str]] = {
    "collapses slashes": lambda path: re.sub("/+", "/", path),
    "resolves dots": lambda path: normpath("/" + path.lstrip("/")),
    "knows no case": lambda path: path.lower(),
    "decodes again": unquote,
    "drops white space": lambda path: path.strip(),
    "drops NUL": lambda path: path.partition("\0")[0],
    "takes a backslash for a slash": lambda path: path.replace("\\", "/"),
    "drops parameters": lambda path: re.sub(";[^/]*", "", path),
    "does all of it": lambda path: normpath(
        re.sub(r"[/\\]+", "/", "/" + re.sub(";[^/]*", "", unquote(path)).lower().strip())
    ),
}

pieces = st.sampled_from(
    (
        *("/", "//", "admin", "ADMIN", "%61dmin", "%2561dmin", "adm", "in", ".", "..", "/../"),
        *("/./", "%2e", "%2f", "%5c", "\\", ";", ";x", "%00", "%0a", "%20", "x", "public"),
        *("/admin", "/public/", "%3f", "%23", ";/"),
    )
)
targets = st.lists(pieces, min_size=1, max_size=8).map("".join)


class Reached(Exception):
    pass


def freely(read: Callable[[str], str]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = read(scope["path"])
        if path == SECRET or path.startswith(SECRET + "/"):
            raise Reached(scope["path"])
        await PlainTextResponse("open")(scope, receive, send)

    return app


async def _secret(request: Request) -> PlainTextResponse:
    raise Reached(request.url.path)


async def _open(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("open")


STARLETTE = Starlette(
    routes=[
        Route(SECRET, _secret, methods=["GET"]),
        Route("/admin/{rest:path}", _secret),
        Mount("/x/admin", Starlette(routes=[Route("/", _open)])),
        Route("/public/{rest:path}", _open),
        Route("/{rest:path}", _open),
    ]
)


@pytest.mark.parametrize("reading", READINGS)
def test_no_reading_of_a_path_reaches_what_is_protected(reading: str) -> None:
    app = AuthMiddleware(freely(READINGS[reading]), TOKENS.verifier, protect={SECRET: ""})
    all_but = AuthMiddleware(
        freely(READINGS[reading]), TOKENS.verifier, protect={"/": ""}, public=["/public"]
    )

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(targets)
    def attack(target: str) -> None:
        ask(app, target)
        ask(all_but, target)

    attack()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(targets)
def test_starlette_reaches_no_protected_route_without_a_token(target: str) -> None:
    ask(AuthMiddleware(STARLETTE, TOKENS.verifier, protect={SECRET: ""}), target)


def test_the_attack_works_where_a_prefix_is_only_compared() -> None:
    """What the middleware is for: Starlette takes a line break at the end for none."""
    with pytest.raises(Reached):
        ask(STARLETTE, "/admin%0a")
