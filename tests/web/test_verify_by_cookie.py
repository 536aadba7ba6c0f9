"""/verify where a cookie is the credential: whose word counts for the original method."""

from collections.abc import Iterator
from itertools import product

import pytest

from tests.support.api import Api
from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.cookies import Jar, cookie_header
from tests.support.databases import sqlite_only
from tests.support.foreign import FOREIGN, NOT_FOREIGN, OURS, SETTINGS
from tests.support.logging import captured
from tests.support.rows import every_row
from tests.support.transports import Holder

pytestmark = sqlite_only
PROXY = "10.1.2.3"
ADDRESS = "192.0.2.1"  # tests.support.app_transport's
METHOD_HEADERS = ("X-Forwarded-Method", "X-Original-Method")
each_transport = pytest.mark.parametrize("transport", ["cookie", "session"])


@pytest.fixture
def direct(make_api: MakeApi) -> Api:
    """As it is reached by whoever is no trusted proxy."""
    return make_api(**SETTINGS, trusted_proxies=[PROXY])


@pytest.fixture
def holder(direct: Api, transport: str) -> Iterator[Holder]:
    """Whose requests come through the trusted proxy."""
    direct.register()
    with AppClient(direct.app, address=PROXY) as client:
        yield Holder(Api(client), transport).log_in()


@pytest.fixture
def elsewhere(holder: Holder, direct: Api) -> Holder:
    """The same, past the proxy."""
    other = holder.copy()
    other.api = direct
    return other


def verify(holder: Holder, *headers: tuple[str, str], method: str = "GET") -> int:
    """With the cookies alone."""
    sent = [*holder.jar.header.items(), *headers]
    return holder.api.client.request(method, "/verify/a/path", headers=sent).status_code


@each_transport
@pytest.mark.parametrize("is_local", [True, False])
def test_a_proxy_that_nobody_trusts_is_named(
    make_api: MakeApi, transport: str, *, is_local: bool
) -> None:
    url = "http://localhost:8000" if is_local else "https://auth.example"
    api = make_api(public_url=url, trusted_proxies=[PROXY])
    api.register()
    holder = Holder(api, transport).log_in()
    ignored = f"X-Original-Method was ignored, since {ADDRESS} is not in AUTHAPI_TRUSTED_PROXIES."
    headers = [*holder.jar.header.items(), ("X-Original-Method", "GET")]
    with captured("json") as log:
        answer = api.expect(403, "GET", "/verify", headers=headers).json()
    assert log.event("request_refused")["reason"].endswith(f"of another session. {ignored}")
    assert (ignored in answer["error_description"]) is is_local
    with captured("json") as log:
        api.expect(403, "GET", "/verify", headers=headers[:-1])
    assert "ignored" not in log.event("request_refused")["reason"]


@each_transport
def test_a_trusted_proxy_says_that_it_only_reads(holder: Holder, elsewhere: Holder) -> None:
    with every_row() as row:
        for name, method in product(METHOD_HEADERS, ["GET", "HEAD", "OPTIONS", "get"]):
            with row(f"{name}: {method}"):
                assert verify(holder, (name, method)) == 204
                assert verify(holder, (name, method), method="POST") == 204
                assert verify(elsewhere, (name, method)) == 403


NOT_ONLY_READING: list[list[tuple[str, str]]] = [
    [],
    *([(name, "POST")] for name in METHOD_HEADERS),
    *([(name, "")] for name in METHOD_HEADERS),
    *([(name, "GET, POST")] for name in METHOD_HEADERS),
    [("X-Forwarded-Method", "GET"), ("X-Original-Method", "POST")],
    [("X-Forwarded-Method", "POST"), ("X-Original-Method", "GET")],
    [("X-Forwarded-Method", "GET"), ("X-Forwarded-Method", "DELETE")],
    [("X-Original-Method", "GET"), ("X-Original-Method", "DELETE")],
    [("X-HTTP-Method-Override", "GET")],
]


@each_transport
def test_whatever_else_it_says_the_token_is_needed(holder: Holder, elsewhere: Holder) -> None:
    proof = ("X-CSRF-Token", str(holder.csrf_token))
    with every_row() as row:
        for headers, asking in product(NOT_ONLY_READING, (holder, elsewhere)):
            with row(f"{headers}, {'past' if asking is elsewhere else 'through'} the proxy"):
                assert verify(asking, *headers) == 403
                assert verify(asking, *headers, proof) == 204
                assert verify(asking, *headers, proof, *NOT_FOREIGN["our page"]) == 204
                for source in FOREIGN.values():
                    assert verify(asking, *headers, proof, *source) == 403


@each_transport
def test_two_headers_that_agree_are_one_word(holder: Holder) -> None:
    assert verify(holder, *((name, "GET") for name in METHOD_HEADERS)) == 204


@each_transport
def test_a_read_may_come_from_anywhere(holder: Holder) -> None:
    # What another site's page may read of the answer is the service's own CORS.
    for source in FOREIGN.values():
        assert verify(holder, ("X-Original-Method", "GET"), *source) == 204


@each_transport
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_the_type_of_the_body_is_the_services_own_matter(holder: Holder, content_type: str) -> None:
    headers = holder.headers | {"Content-Type": content_type}
    answer = holder.api.client.post("/verify", headers=headers, content=b"x=1")
    assert answer.status_code == 204


@each_transport
def test_a_scope_that_is_missing_is_403_too(holder: Holder) -> None:
    answer = holder.send("GET", "/verify?scope=admin")
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


BAD_COOKIES: list[list[tuple[str, str]]] = [
    [],
    [("__Host-Http-access", "x")],
    [("__Host-Http-session", "x")],
    [("__Host-Http-access", "x"), ("__Host-Http-access", "y")],
    [("__Host-Http-session", "\xff")],
    [("__Host-Http-session", "A" * 22 + "." + "A" * 43)],
    [("__Host-Http-refresh", "x")],
]


@pytest.mark.parametrize("transport", ["session"])
def test_nginx_is_never_given_what_it_makes_a_500_of(holder: Holder) -> None:
    with every_row() as row:
        for cookies, method in product(
            BAD_COOKIES, ["GET", "POST", "OPTIONS", "TRACE", "PROPFIND"]
        ):
            raw = [
                (b"Cookie", value.encode("latin-1")) for value in cookie_header(*cookies).values()
            ]
            for source in ([], FOREIGN["another site"], FOREIGN["two headers"]):
                with row(ascii((method, cookies, source))):
                    said = [(name.encode(), value.encode()) for name, value in source]
                    answer = holder.api.client.request(method, "/verify", headers=[*raw, *said])
                    assert answer.status_code in {401, 403}


@pytest.mark.parametrize("transport", ["session"])
def test_a_preflight_is_a_question_like_any_other(holder: Holder) -> None:
    # A 204 means that the credential is good: nobody gets one by asking in another form.
    with every_row() as row:
        for origin in (OURS, "https://app.example", "https://evil.example"):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            for path in ("/verify", "/verify/", "/verify/a/b"):
                with row(f"{origin} {path}"):
                    assert holder.api.client.options(path, headers=headers).status_code == 401


@pytest.mark.parametrize("transport", ["session"])
def test_with_the_database_gone_it_is_503(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    from authapi.db import session_lookups
    from authapi.errors import Unavailable

    def gone(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(session_lookups, "find", gone)
    answer = holder.send("GET", "/verify")
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")


@pytest.mark.parametrize("transport", ["cookie"])
def test_the_access_cookie_costs_no_query(holder: Holder) -> None:
    statements = holder.api.app.state.runtime.db.statements
    before = statements.count
    assert holder.status("GET", "/verify") == 204
    holder.jar = Jar()
    assert holder.status("GET", "/verify") == 401
    assert statements.count == before
