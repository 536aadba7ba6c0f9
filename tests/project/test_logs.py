"""Log lines: one event is one line, whoever wrote its values, and none shows a secret."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from authapi import logs

FORGED = 'x\r\n\x1b[31m{"event": "login"}\u2028\u0085\x00"}\n2026-01-01T00:00:00Z [info     ] login'
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def json_lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> StringIO:
    stream = StringIO()
    logs.configure("json", stream)
    return stream


@pytest.fixture
def console() -> StringIO:
    stream = StringIO()
    logs.configure("console", stream)
    return stream


def fail(message: str) -> None:
    local_password = "hunter2"
    raise ValueError(message + local_password[:0])


def test_a_line_says_when_what_and_for_which_request(stream: StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("session_revoked", sid="s1", count=2)
    [line] = json_lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "session_revoked",
        "level": "info",
        "request_id": "r1",
        "sid": "s1",
        "count": 2,
    }


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_value_begins_a_line_of_its_own(log_format: str) -> None:
    stream = StringIO()
    logs.configure(log_format, stream)
    structlog.get_logger().info("login_failed", user=FORGED, more={"deep": [FORGED]})
    structlog.get_logger().info(FORGED)
    logging.getLogger("uvicorn.error").warning("bad request %s", FORGED)
    written = stream.getvalue()
    assert len(written.splitlines()) == 3
    assert all(char.isprintable() or char == "\n" for char in written)


def test_a_value_on_the_console_cannot_look_like_another_field(console: StringIO) -> None:
    structlog.get_logger().info("login_failed", user="x' sid='forged")
    assert "user=\"x' sid='forged\"" in console.getvalue()


def test_a_traceback_is_one_field_without_local_variables(stream: StringIO) -> None:
    try:
        fail(FORGED)
    except ValueError:
        structlog.get_logger().exception("failed")
    [line] = json_lines(stream)
    [trace] = line["exception"]
    assert trace["exc_type"] == "ValueError"
    assert [frame["name"] for frame in trace["frames"]][-1] == "fail"
    assert "hunter2" not in stream.getvalue()


def test_a_traceback_on_the_console_stays_behind_its_margin(console: StringIO) -> None:
    try:
        fail(FORGED)
    except ValueError:
        structlog.get_logger().exception("failed")
    first, *rest = console.getvalue().splitlines()
    assert "failed" in first
    assert all(line.startswith("    | ") for line in rest)
    assert "\x1b" not in console.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_taken_out_by_the_name_of_their_field(log_format: str) -> None:
    stream = StringIO()
    logs.configure(log_format, stream)
    structlog.get_logger().info(
        "request",
        password="hunter2",
        newPassword="hunter2",
        refresh_token="hunter2",
        client_secret="hunter2",
        headers={"Authorization": "hunter2", "Set-Cookie": ["hunter2"]},
        nested=[{"api_key": "hunter2"}],
    )
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") == 7


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_jwt_is_taken_out_wherever_it_stands(log_format: str) -> None:
    stream = StringIO()
    logs.configure(log_format, stream)
    structlog.get_logger().info(f"saw {JWT}", path=f"/me?access_token={JWT}&a=b")
    try:
        fail(JWT)
    except ValueError:
        logging.getLogger("library").exception("failed with %s", JWT)
    assert "eyJ" not in stream.getvalue()
    assert "a=b" in stream.getvalue()


def test_libraries_take_the_same_steps(stream: StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        logging.getLogger("uvicorn.error").warning("Invalid %s", "request")
    [line] = json_lines(stream)
    assert line["event"] == "Invalid request"
    assert (line["logger"], line["level"], line["request_id"]) == ("uvicorn.error", "warning", "r1")


def test_chatty_libraries_are_quiet(stream: StringIO) -> None:
    for name in ("uvicorn.access", "httpx", "sqlalchemy.engine", "httpcore.connection"):
        logging.getLogger(name).info("a line a request")
    structlog.get_logger().debug("details")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("log_format", "stream", "columns"),
    [
        ("auto", StringIO(), False),
        ("auto", Terminal(), True),
        ("json", Terminal(), False),
        ("console", StringIO(), True),
    ],
)
def test_auto_is_console_on_a_terminal(log_format: str, stream: StringIO, columns: bool) -> None:
    logs.configure(log_format, stream)
    structlog.get_logger().info("started")
    assert stream.getvalue().startswith("{") is not columns


def test_configuring_again_does_not_double_the_lines(stream: StringIO) -> None:
    logs.configure("json", stream)
    logging.getLogger("library").warning("once")
    assert len(json_lines(stream)) == 1
