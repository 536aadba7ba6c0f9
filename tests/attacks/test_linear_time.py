"""Nothing reads a stranger's text in more than linear time.

The kind: a regular expression, a loop or a library that is quadratic in what was sent. One request
then holds the event loop for seconds. Each redaction and parser of the project gets its worst case
here, at 8 KB and at 64 KB: linear is 8 times as long, quadratic 64 times.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import pytest
import structlog
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from authapi.config import problems, values
from authapi.crypto import passwords, session_ids
from authapi.errors import InsufficientScope, Refusal
from authapi.services.accounts import breached_passwords, names, password_rules
from authapi.services.sessions import logout
from authapi.verifier import InvalidTokenError, bearer, jws, strict_json
from authapi.verifier import asgi as verifier_asgi
from authapi.verifier.following import fetching
from authapi.web import responses, site, whole_window
from authapi.web.credentials import cookies, csrf, reading
from authapi.web.middleware import headers
from authapi.web.routers import revocations
from authapi.web.schemas import Login
from tests.support.api import Api
from tests.support.logging import captured
from tests.support.raw_asgi import send_raw
from tests.support.rows import every_row
from tests.support.server import ServerProcess

KB = 1024
MOST_TIMES_AS_LONG = 24  # 8 is linear, 64 quadratic
TOO_SHORT_TO_COMPARE = 0.002  # seconds for 64 KB: no caller can make anything of it
REPETITIONS = 3
IN_FORCE = cookies.Cookies(is_https=True, same_site=None)


def scope_with(name: str, value: str) -> Scope:
    given = [(name.encode(), value.encode("latin-1", "replace"))]
    return {"type": "http", "method": "GET", "path": "/", "headers": given, "query_string": b""}


def log_it(log_format: str) -> Callable[[str], object]:
    def log(text: str) -> None:
        with captured(log_format):
            structlog.get_logger().info("request", path=text, deep=[{"x": text}])

    return log


def ask_with(name: str, read: Callable[[Request], object]) -> Callable[[str], object]:
    return lambda text: read(Request(scope_with(name, text)))


@dataclass(frozen=True)
class Worst:
    """A function, and the texts that it may be slowest with."""

    run: Callable[[str], object]
    patterns: tuple[str, ...]


LETTERS = ("a", "eyJ", "-_", ".")
MARKS = ("\u0300\u0316", "e\u0301\u0323", "\ufdfa", "\u1100\u1161", "\ufb2c")
READERS: dict[str, Worst] = {
    "a line of the log in JSON": Worst(log_it("json"), ("eyJ", "eyJ.", "eyJaaaaaaaa.", "\x1b")),
    "a line of the log in columns": Worst(log_it("console"), ("eyJ", "eyJaaaaaaaa.", "\x1b", "'")),
    "canonical": Worst(names.canonical, MARKS),
    "an address to find": Worst(names.canonical_email, ("@", "a.", "xn--", "\u0661", *MARKS)),
    "a domain": Worst(
        names.find_a_label, ("a.", "xn--", "xn--a", "\u0661", "\u0628\u200c", *MARKS)
    ),
    "control characters": Worst(names.has_control_characters, ("a", "\u0300")),
    "an e-mail address": Worst(names.parse_email, ("@", "a.", "a@", ".local", *MARKS)),
    "a username": Worst(names.parse_username, (" ", "a ", *MARKS)),
    "a password": Worst(passwords.normalise, MARKS),
    "an answer of a range service": Worst(
        lambda text: breached_passwords.read_range(text.encode()), ("A", ":", "\r\n", "0:1\r")
    ),
    "a new password": Worst(
        lambda text: password_rules.require_acceptable_password(
            text, field="password", email="ada@example.com", username=None
        ),
        ("1a", " ", *MARKS),
    ),
    "a hash": Worst(passwords.require_usable_hash, ("$", "$argon2id", "{CRYPT}")),
    "a body": Worst(
        lambda text: Login.model_validate({"email": text, "password": text}), ("a", *MARKS)
    ),
    "JSON": Worst(
        lambda text: strict_json.read_json(text.encode()),
        ("[", '{"a":', "1", '"\\u0041', " ", "-1e", '"a"', "[1,"),
    ),
    "a part of a token": Worst(
        lambda text: strict_json.parse_object(text.encode(), "it"),
        ("[", '{"a":', "1", '"\\u0041', " "),
    ),
    "a token": Worst(
        lambda text: jws.decode_compact(text, lambda _kid: None, types=frozenset()),
        (*LETTERS, "a.a.", "="),
    ),
    "a Bearer header": Worst(
        lambda text: bearer.optional_bearer_token(["Bearer " + text]), (" ", "a ")
    ),
    "a session id": Worst(session_ids.SHAPE.fullmatch, (*LETTERS, "a.")),
    "a sid": Worst(logout.SID.fullmatch, LETTERS),
    "the cookies": Worst(
        ask_with("cookie", lambda request: IN_FORCE.sent(request.scope)), (";", "=", "a=;", "a; ")
    ),
    "an Idempotency-Key": Worst(ask_with("idempotency-key", reading._idempotency_key), ("a", " ")),
    "a request id": Worst(
        lambda text: headers._request_id(scope_with("x-request-id", text)), ("a", " ")
    ),
    "If-None-Match": Worst(
        ask_with("if-none-match", lambda request: responses.cacheable(request, b"")),
        (",", 'W/"a",', " ", "W/"),
    ),
    "Accept-Encoding": Worst(
        ask_with("accept-encoding", lambda request: whole_window.accepts_gzip(request.headers)),
        (",", "gzip;q=0.", " ", "gzip;", "gzip; q = 0.0"),
    ),
    "a cursor of the feed": Worst(revocations._parse_cursor, ("1", "1_", "0.", "e", " ")),
    "a scope that is asked for": Worst(lambda text: InsufficientScope([text]), ("a", '"')),
    "a path before the middleware": Worst(
        verifier_asgi._readings, ("/", "/.", "/..", "%25", ";", "\\", "#", "/a;", "\x00")
    ),
    "an odd path": Worst(verifier_asgi._ODD.search, ("/", "/.", "a", "/..a")),
    "Cache-Control of an issuer": Worst(
        fetching._MAX_AGE.search, (",", "max-age=", "max-age=9999999999", " ,")
    ),
    "a place to go after a log-in": Worst(site.safe_next, ("/", "%2F", "/a", "%25")),
    "a URL with a password": Worst(values.mask_url, ("://", "://:", ":@", "password=", "a://b:")),
    "a public URL": Worst(values.public_url, ("https://", "https://a.", "/", "[")),
    "a variable of Kubernetes": Worst(
        lambda text: problems.KUBERNETES.fullmatch(f"AUTHAPI_{text}-"),
        ("_SERVICE_PORT_", "_PORT_1_TCP_", "PORT_1", "_"),
    ),
}


def seconds(worst: Worst, pattern: str, length: int) -> float:
    """Return the best of a few runs, in this process's own time."""
    text = (pattern * length)[:length]
    best = float("inf")
    for _ in range(REPETITIONS):
        began = process_time()
        with suppress(Refusal, InvalidTokenError, ValidationError, ValueError):
            worst.run(text)
        best = min(best, process_time() - began)
    return best


@pytest.mark.parametrize("name", READERS)
def test_eight_times_the_text_takes_eight_times_as_long(name: str) -> None:
    worst = READERS[name]
    with every_row() as row:
        for pattern in worst.patterns:
            with row(repr(pattern)):
                short, long = (seconds(worst, pattern, size * KB) for size in (8, 64))
                assert long < max(TOO_SHORT_TO_COMPARE, MOST_TIMES_AS_LONG * short)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_long_path_is_cut_before_the_log_reads_it(api: Api) -> None:
    def fail() -> None:
        raise RuntimeError

    api.app.add_api_route("/fails/{rest:path}", fail)
    foreign = [("cookie", "authapi-access=x"), ("origin", "https://evil.example")]
    api.register()
    bearer = [("authorization", f"Bearer {api.login().access}")]
    with captured("json") as log:
        for path in ("/nowhere/", "/me/", "/fails/"):
            send_raw(api.app, "GET", path + "a" * 64 * KB)
        send_raw(api.app, "DELETE", "/sessions/" + "a" * 64 * KB, foreign)
        # A proxy asks /verify about each path of its own.
        verify = "/verify/" + "a" * 64 * KB
        send_raw(api.app, "GET", verify, bearer, query=b"scope=write")
    logged = [(event["event"], len(event["path"])) for event in log.events if "path" in event]
    assert {name for name, _ in logged} == {"request", "request_refused", "unexpected_error"}
    assert {length for _, length in logged} == {KB}


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_one_long_path_stops_nobody(tmp_path: Path, log_format: str) -> None:
    with ServerProcess(tmp_path, log_format=log_format) as server, server.client() as client:
        began = perf_counter()
        client.get("/" + "eyJ" * 20_000)
        assert perf_counter() - began < 1


def test_a_list_that_no_browser_sends_is_not_read_name_by_name() -> None:
    assert csrf.is_handshake(Headers({"sec-fetch-mode": "," * 60_000}))
    assert not csrf.is_handshake(Headers({"sec-fetch-mode": "navigate"}))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_head_full_of_cookies_costs_little(api: Api) -> None:
    """The kind: linear, but again and again on the event loop, and a pair at a time in Python."""
    cookies = "a=b; " * 12_000

    def ask() -> object:
        return send_raw(api.app, "GET", "/me", [("cookie", cookies)])

    def read_in_python() -> object:
        return [pair.strip().partition("=") for pair in cookies.split(";")]

    assert best_of(ask) < 3 * best_of(read_in_python)  # it was 7 times


def best_of(run: Callable[[], object]) -> float:
    """Return the seconds of the best of some runs, in this process's own time."""

    def timed() -> float:
        began = process_time()
        run()
        return process_time() - began

    return min(timed() for _ in range(8))
