"""The kind: the server library's limits are ours.

What clients and proxies may write by the RFCs is answered, whatever the library makes of it. What
they may not write is refused with a sentence: a connection that just ends looks like a network
fault. Issue 12.
"""

import pytest

from tests.attacks.conftest import LOGIN, MakeServer
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import ServerProcess
from tests.support.sockets import Answer, ask, connect, read_all, read_one, request, send

JSON = LOGIN[0][0]
BODY = LOGIN[1]
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ")
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "strict-transport-security": "max-age=63072000",
}


@pytest.fixture(scope="module")
def server(make_server: MakeServer) -> ServerProcess:
    server = make_server(public_url="https://auth.example")
    with server.client() as client:
        client.post("/register", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
    return server


def chunked(*headers: str, size: str = "{:x}", last: str = "0") -> bytes:
    """Return a log-in in one chunk; `size` and `last` are the lines of its two chunks."""
    body = f"{size.format(len(BODY))}\r\n".encode() + BODY + f"\r\n{last}\r\n\r\n".encode()
    return request("POST", "/login", JSON, *headers, body=body)


def must_be_refused(answer: Answer, status: int = 400) -> None:
    assert (answer.status, answer.is_closed) == (status, True), answer.raw
    assert HEADERS.items() <= answer.headers.items()
    assert answer.headers["x-request-id"]
    assert answer.headers["date"].endswith(" GMT")


# Targets (RFC 9112 section 3.2)


@pytest.mark.parametrize("upgrade", [(), H2C], ids=["plain", "h2c"])
@pytest.mark.parametrize(
    ("target", "status"),
    [
        *(("http://localhost/healthz", 200), ("https://auth.example/healthz", 200)),
        *(("HTTP://LOCALHOST:8000/healthz", 200), ("http://[::1]:8000/healthz?a=b", 200)),
        *(("http://localhost", 404), ("http://localhost?a=b", 404), ("http://localhost:80", 404)),
        *(("/healthz?http://other/", 200), ("*", 404), ("//healthz", 404), ("/%", 404)),
    ],
)
def test_every_form_of_a_target_is_answered(
    server: ServerProcess, target: str, status: int, upgrade: tuple[str, ...]
) -> None:
    assert ask(server, request("GET", target, *upgrade)).status == status


@pytest.mark.parametrize(
    "target",
    [
        *("healthz", "?a", "http:", "http:/healthz", "http:///healthz", "http://?a"),
        *("ftp://localhost/healthz", "ws://localhost/healthz", "http://a:b@localhost/healthz"),
        *("http://[::1/healthz", "http://localhost:x/healthz", "http://localhost#a"),
    ],
)
def test_a_target_that_names_nothing_is_refused_with_a_sentence(
    server: ServerProcess, target: str
) -> None:
    must_be_refused(ask(server, request("GET", target)))


def test_a_scope_in_an_absolute_target_counts_at_verify_itself_alone(server: ServerProcess) -> None:
    with server.client() as client:
        token = client.post("/login", json={"email": EMAIL, "password": PASSWORD}).json()
    bearer = f"Authorization: Bearer {token['access_token']}"
    for target, status in (("/verify?scope=a", 403), ("/verify/?scope=a", 204)):
        assert ask(server, request("GET", f"http://localhost{target}", bearer)).status == status


# Transfer-Encoding (RFC 9112 section 6.1)


@pytest.mark.parametrize(
    "header",
    [
        *("Transfer-Encoding: chunked", "transfer-encoding: CHUNKED", "Transfer-Encoding:chunked"),
        *("Transfer-Encoding:\tchunked ", "Transfer-Encoding: , chunked"),
    ],
)
def test_chunked_is_known_in_every_spelling(server: ServerProcess, header: str) -> None:
    assert ask(server, chunked(header)).status == 200


@pytest.mark.parametrize(
    "header",
    [
        *(
            "gzip, chunked",
            "deflate,chunked",
            "identity, chunked",
            "x, chunked",
            "gzip",
            "identity",
        ),
        *("chunked, chunked", "chunked, gzip", "xchunked", '"chunked"', "chunked;q=1", "chun ked"),
    ],
)
@pytest.mark.parametrize("upgrade", [(), H2C], ids=["plain", "h2c"])
def test_any_other_coding_is_refused_and_its_bytes_are_not_taken_as_they_are(
    server: ServerProcess, header: str, upgrade: tuple[str, ...]
) -> None:
    must_be_refused(ask(server, chunked(f"Transfer-Encoding: {header}", *upgrade)))


def test_a_coding_in_two_headers_is_one_list(server: ServerProcess) -> None:
    two = ("Transfer-Encoding: gzip", "Transfer-Encoding: chunked")
    must_be_refused(ask(server, chunked(*two)))


@pytest.mark.parametrize(
    ("size", "last"),
    [("{:x};a=b", "0"), ('{:x};a="b;c";d', "0;e"), ("000{:X}", "000"), ("{:x};a", "0;b=c")],
)
def test_extensions_of_a_chunk_are_dropped(server: ServerProcess, size: str, last: str) -> None:
    assert ask(server, chunked("Transfer-Encoding: chunked", size=size, last=last)).status == 200


# Expect (RFC 9110 section 10.1.1)


@pytest.mark.parametrize("upgrade", [(), H2C], ids=["plain", "h2c"])
def test_a_client_that_waits_is_told_to_go_on(
    server: ServerProcess, upgrade: tuple[str, ...]
) -> None:
    whole = request("POST", "/login", JSON, "expect: 100-Continue", *upgrade, body=BODY)
    head = whole[: -len(BODY)]
    with connect(server) as connection:
        send(connection, head)
        assert read_one(connection).raw == b"HTTP/1.1 100 Continue\r\n\r\n"
        send(connection, BODY)
        assert read_all(connection).status == 200


def test_http_1_0_knows_no_interim_answer(server: ServerProcess) -> None:
    whole = request("POST", "/login", JSON, "Expect: 100-continue", body=BODY, close=False)
    answer = ask(server, whole.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert (answer.status, answer.is_closed) == (200, True)


@pytest.mark.parametrize("host", [b"", b"Host: localhost\r\n"])
def test_http_1_0_is_answered(server: ServerProcess, host: bytes) -> None:
    length = b"Content-Length: %d\r\n" % len(BODY)
    head = b"POST /login HTTP/1.0\r\n" + host + JSON.encode() + b"\r\n" + length
    answer = ask(server, head + b"\r\n" + BODY)
    assert (answer.status, answer.is_closed) == (200, True)
    assert "transfer-encoding" not in answer.headers


# Methods and connections


@pytest.mark.parametrize("method", ["get", "Post", "patch", "FOO", "GETS"])
def test_an_unknown_method_is_refused_with_a_sentence_that_says_so(
    server: ServerProcess, method: str
) -> None:
    answer = ask(server, request(method, "/healthz"))
    must_be_refused(answer)
    assert "method" in answer.json["error_description"]


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (request("HEAD", "/" + "a" * 9000), 414),
        (request("HEAD", "/", "X-Long: " + "a" * 70_000), 431),
        (request("HEAD", "/", "X-Bad: \x00"), 400),
        (request("HEAD", "/", "Transfer-Encoding: gzip"), 400),
    ],
)
def test_a_refused_head_has_no_content(server: ServerProcess, refused: bytes, status: int) -> None:
    answer = ask(server, refused)
    must_be_refused(answer, status)
    assert answer.raw.endswith(b"\r\n\r\n")


def test_a_refusal_after_a_head_has_its_content(server: ServerProcess) -> None:
    first = request("HEAD", "/healthz", close=False)
    with connect(server) as connection:
        send(connection, first)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        send(connection, b"x\r\n\r\n")
        answer = read_all(connection)
    must_be_refused(answer)
    assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    "connection",
    [
        *("Connection: close", "connection: CLOSE", "Connection: keep-alive, close"),
        *("Connection: close, x", "Connection: TE\r\nTE: trailers\r\nConnection: close"),
    ],
)
def test_close_is_heard_in_every_spelling(server: ServerProcess, connection: str) -> None:
    answer = ask(server, request("GET", "/healthz", connection, close=False), seconds=5)
    assert (answer.status, answer.is_closed) == (200, True)
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("fold", ["\r\n ", "\r\n\t"])
def test_a_folded_header_is_refused(server: ServerProcess, fold: str) -> None:
    """A proxy that unfolds it, and one that does not, read two different requests."""
    must_be_refused(ask(server, request("GET", "/healthz", f"X-Folded: a{fold}b")))
