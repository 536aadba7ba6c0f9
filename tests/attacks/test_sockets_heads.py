"""The kind: a request's head without bounds, in size and in form (issue 11, rows 2 and 3).

Everything that a client can make long is bounded before it is kept: the target, one value, many
lines, a chunk's extension, trailers, requests in a row.
"""

from collections.abc import Iterator

import pytest

from tests.attacks.conftest import LOGIN, MakeServer
from tests.support.server import ServerProcess
from tests.support.sockets import Answer, ask, connect, peak_kib, read_all, request, send

MIB = 1024 * 1024
GROWTH_KIB = 64 * 1024


@pytest.fixture(scope="module")
def server(make_server: MakeServer) -> ServerProcess:
    return make_server()


def require_refusal(answer: Answer, status: int, code: str) -> None:
    """Require the one form of errors, with the headers of every response, and the end."""
    assert answer.status == status
    assert answer.json["error"] == code
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["connection"] == "close"
    assert answer.is_closed


@pytest.mark.parametrize("path", ["/" + "a" * 8192, "/me?" + "a" * 60_000, "/" + "eyJ" * 20_000])
def test_a_target_over_8_kib_is_414(server: ServerProcess, path: str) -> None:
    require_refusal(ask(server, request("GET", path)), 414, "uri_too_long")


def test_a_target_of_8_kib_is_answered(server: ServerProcess) -> None:
    path = "/healthz?" + "a" * (8192 - len("/healthz?"))
    assert ask(server, request("GET", path)).status == 200


BIG_HEADS = {
    "one value": request("GET", "/me", f"X: {'a' * 66_000}"),
    "one name": request("GET", "/me", f"{'X' * 66_000}: a"),
    "many lines": request("GET", "/me", *[f"X-{n}: {'a' * 50}" for n in range(1300)]),
    "many cookies": request("GET", "/me", *["Cookie: a=b"] * 6000),
    "a second head": request("GET", "/healthz", close=False)
    + request("GET", "/me", f"X: {'a' * 66_000}"),
}


@pytest.mark.parametrize("name", [name for name in BIG_HEADS if name != "a second head"])
def test_a_head_over_64_kib_is_431(server: ServerProcess, name: str) -> None:
    require_refusal(ask(server, BIG_HEADS[name]), 431, "request_header_fields_too_large")


@pytest.mark.parametrize("more", [(), ("Connection: Upgrade", "Upgrade: h2c")])
def test_a_head_of_more_than_200_fields_is_431(
    server: ServerProcess, more: tuple[str, ...]
) -> None:
    def with_fields(count: int) -> Answer:  # `Host` and `Connection` are two of them
        fields = [f"X-{number}: a" for number in range(count - 2 - len(more))]
        return ask(server, request("GET", "/healthz", *fields, *more))

    assert with_fields(200).status == 200
    require_refusal(with_fields(201), 431, "request_header_fields_too_large")


def test_trailers_are_fields_too(server: ServerProcess) -> None:
    body = b"2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 200 + b"\r\n"
    answer = ask(server, CHUNKED + body)
    require_refusal(answer, 431, "request_header_fields_too_large")


def test_a_second_head_is_bounded_too(server: ServerProcess) -> None:
    answer = ask(server, BIG_HEADS["a second head"])
    assert answer.status == 200  # the first
    assert answer.is_closed


def test_a_head_of_60_kib_is_answered(server: ServerProcess) -> None:
    assert ask(server, request("GET", "/healthz", f"X: {'a' * 60_000}")).status == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_options_let_through_what_a_proxy_lets_through(
    make_server: MakeServer, workers: str
) -> None:
    server = make_server("--head-kib", "128", "--head-fields", "300", "--workers", workers)
    assert ask(server, request("GET", "/healthz", f"X: {'a' * 100_000}")).status == 200
    assert ask(server, request("GET", "/healthz", *["X: a"] * 298)).status == 200
    for too_large in ([f"X: {'a' * 140_000}"], ["X: a"] * 299):
        answer = ask(server, request("GET", "/healthz", *too_large))
        require_refusal(answer, 431, "request_header_fields_too_large")


def test_a_head_of_100_kib_is_431_without_the_option(server: ServerProcess) -> None:
    answer = ask(server, request("GET", "/healthz", f"X: {'a' * 100_000}"))
    require_refusal(answer, 431, "request_header_fields_too_large")


CHUNKED = request("POST", "/login", "Content-Type: application/json", "Transfer-Encoding: chunked")
ENDLESS = {
    "a target": (b"GET /", b"a"),
    "a value": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a"),
    "lines": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: a\r\n"),
    "a chunk's extension": (CHUNKED + b"2;a=", b"a"),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: a\r\n"),
    "one trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"a"),
    "empty lines": (b"", b"\r\n"),
    "requests": (b"", request("GET", "/healthz", close=False)),
    "a body that was refused": (
        request("POST", "/login", "Content-Length: 99999999999", close=False),
        b"a",
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_cut_off_and_kept_nowhere(server: ServerProcess, name: str) -> None:
    beginning, more = ENDLESS[name]
    idle = peak_kib(server.pid)
    piece = more * (64 * 1024 // len(more))
    with connect(server, 1.0) as connection:
        try:
            connection.sendall(beginning)
            for _ in range(32 * 16):  # 32 MiB at most
                connection.sendall(piece)
            raise AssertionError("the server took all of it")
        except (ConnectionError, TimeoutError):
            pass  # cut off, or no longer read
    assert peak_kib(server.pid) - idle < GROWTH_KIB
    assert ask(server, request("GET", "/healthz")).status == 200


def answers_of(server: ServerProcess, fields: int, requests: int) -> int:
    """Send requests in one piece, each of so many fields; return how many are answered with 200."""
    more = [f"X-{number}: a" for number in range(fields - 2)]  # `Host` and `Connection` too
    one = request("GET", "/healthz", *more, "Connection: keep-alive", close=False)
    answer = ask(server, one * (requests - 1) + request("GET", "/healthz", *more))
    assert answer.is_closed
    return answer.raw.count(b"HTTP/1.1 200 ")


def test_requests_in_a_row_have_no_more_fields_than_two_heads(server: ServerProcess) -> None:
    """A short field is 6 bytes to send, and 180 to keep: counting requests bounds nothing."""
    assert answers_of(server, fields=10, requests=30) == 30
    assert 1 <= answers_of(server, fields=200, requests=30) < 6


HOSTS: dict[str, bytes] = {
    "none": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two in HTTP/1.0": b"GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "a list": b"GET /healthz HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "a path": b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "credentials": b"GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_that_is_missing_double_or_no_host_is_400(server: ServerProcess, name: str) -> None:
    require_refusal(ask(server, HOSTS[name]), 400, "invalid_request")


@pytest.mark.parametrize("host", ["localhost:8000", "[::1]:8000", "", "xn--bcher-kva.example"])
def test_a_host_as_clients_send_it_is_accepted(server: ServerProcess, host: str) -> None:
    raw = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    assert ask(server, raw).status == 200


def test_a_health_check_of_http_1_0_needs_no_host(server: ServerProcess) -> None:
    assert ask(server, b"GET /healthz HTTP/1.0\r\n\r\n").status == 200


MALFORMED = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a tunnel": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "a bad chunk": CHUNKED + b"zz\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_http_is_400_in_the_one_form(server: ServerProcess, name: str) -> None:
    require_refusal(ask(server, MALFORMED[name]), 400, "invalid_request")


def test_a_refusal_does_not_overtake_the_answer_before_it(server: ServerProcess) -> None:
    with connect(server, 5) as connection:
        send(connection, request("POST", "/login", *LOGIN[0], body=LOGIN[1], close=False))
        send(connection, b"GET /healthz HTTP/1.1\r\n\r\n")
        answer = read_all(connection)
    assert answer.status == 401  # of the log-in, not of what followed
    assert answer.is_closed


def test_https_has_its_header_on_these_errors_too(make_server: MakeServer) -> None:
    server = make_server(public_url="https://auth.example")
    answer = ask(server, HOSTS["none"])
    assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.fixture(autouse=True)
def _no_unexpected_error(server: ServerProcess) -> Iterator[None]:
    yield
    assert "Traceback" not in server.log
    assert "unexpected_error" not in server.log
