"""No spelling of a path reaches a route behind AuthMiddleware without a token.

Behind it stand Starlette, and applications that read a path more freely than Starlette does.
"""

import re
from collections.abc import Callable
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

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


# Found by an attacker: each is under /admin once its dot segment is resolved as it stands. Kind:
# a path that is read in two steps, whose order nobody knows.
TWO_STEPS = (
    *("/x%5Cy/../admin", "/%20/../admin", "/%01/../admin", "/x%252fy/../admin", "/;y%252Fz/admin"),
    *(
        "/x/..%20/admin",
        "/x/..;/admin",
        "/x/%2e%2e/admin",
        "/x/%252e%252e/admin",
        "/x/.%5C../admin",
    ),
    *(
        "/%01admin;a",
        "/admin%01;a",
        "/x/..%01/admin",
        "//x/../../admin",
        "/./admin",
        "/x\\..\\admin",
    ),
)


@pytest.mark.parametrize("target", TWO_STEPS)
def test_a_path_that_is_read_in_two_steps_needs_a_token(target: str) -> None:
    app = AuthMiddleware(freely(lambda _path: SECRET), TOKENS.verifier, protect={SECRET: ""})
    ask(app, target)


@pytest.mark.parametrize("inner", ["a%5Cb/..", "%20/..", "%01/..", "a%252fb/..", "x/..", "."])
def test_starlettes_static_files_give_no_protected_file(inner: str, tmp_path: Path) -> None:
    """It resolves the path as it stands, and so reads another one than who decodes first."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "secret.txt").write_text("secret")
    files = Starlette(routes=[Mount("/files", StaticFiles(directory=tmp_path))])
    app = AuthMiddleware(files, TOKENS.verifier, protect={"/files/private": ""})
    assert ask(app, f"/files/{inner}/private/secret.txt").status == 401


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
