"""The form of log lines, libraries' too: JSON for machines, columns on a terminal.

Every line goes to stderr with request id, level and UTC time, and without secrets and local
variables. Nothing that a client sent can begin a line of its own. A log that can't be written (a
full disk, a closed pipe) loses its lines, and changes nothing else.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer, JSONRenderer, TimeStamper, format_exc_info
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor

REDACTED = "[redacted]"
SECRET_NAME = re.compile(
    r"passw|token|secret|authorization|cookie|credential|private_?key|api_?key", re.IGNORECASE
)
# Linear: of a run of letters only the first eyJ is tried, since a later one has less behind it.
JWT = re.compile(r"(?<![\w-])(?>([\w-]*?)eyJ)[\w-]{8,}+\.[\w-]++(?:\.[\w-]*+)?")
QUIET = ("alembic", "fido2", "httpx", "httpcore", "sqlalchemy")  # at INFO they repeat each step


class Log:
    """Writes our log lines. Raises nothing: the log never decides what a caller is told."""

    def __init__(self) -> None:
        self._lines = structlog.get_logger()  # noqa: TID251 - the only one
        # Used inside another program until that has configured structlog.
        self.unconfigured: Callable[[], Any] = lambda: self._lines

    def info(self, event: str, **fields: Any) -> None:  # noqa: ANN401
        self.write(event=event, level="info", **fields)

    def warning(self, event: str, **fields: Any) -> None:  # noqa: ANN401
        self.write(event=event, level="warning", **fields)

    def error(self, event: str, **fields: Any) -> None:  # noqa: ANN401
        self.write(event=event, level="error", **fields)

    def exception(self, event: str, **fields: Any) -> None:  # noqa: ANN401
        """Log an error with the traceback of the exception that is being handled."""
        self.write(event=event, level="exception", **fields)

    def write(self, *, event: str, level: str = "info", **fields: Any) -> None:  # noqa: ANN401
        """Log at the level with that name."""
        with suppress(Exception):
            lines = self._lines if structlog.is_configured() else self.unconfigured()
            getattr(lines, level)(event, **fields)


log = Log()


class Handler(logging.StreamHandler[TextIO]):
    """The handler that `configure` adds, and replaces when it is called again."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drop the line. logging would complain to the stderr that has just failed."""


def configure(log_format: str, stream: TextIO | None = None) -> None:
    """Log in `log_format` (auto, json, console) to `stream`, by default stderr.

    Call it once in each process of a program, before uvicorn is run with `log_config=None`. The web
    layer logs each request, so uvicorn.access is off.
    """
    target = stream or _stderr()
    options = _options(log_format, target)
    factory = structlog.WriteLoggerFactory(target)
    structlog.configure(logger_factory=factory, cache_logger_on_first_use=False, **options)
    _take_over_stdlib(target, options["processors"])


def configure_if_nobody_has(log_format: str) -> None:
    """Configure our own lines alone, inside another program that has not configured structlog.

    structlog's default prints the local variables of a traceback, secrets among them.
    """
    options = _options(log_format, _stderr())
    log.unconfigured = lambda: structlog.wrap_logger(structlog.WriteLogger(_stderr()), **options)


@lru_cache(maxsize=1)
def _nowhere() -> TextIO:
    return Path(os.devnull).open("w")


def _stderr() -> TextIO:
    """Return stderr, or nowhere for a process that was started without one."""
    return sys.stderr or _nowhere()


def _options(log_format: str, target: TextIO) -> dict[str, Any]:
    terminal = target.isatty()
    columns = log_format == "console" or (log_format == "auto" and terminal)
    steps: list[Processor] = [merge_contextvars, add_log_level, TimeStamper(fmt="iso", utc=True)]
    steps += _console_steps(colors=terminal) if columns else _json_steps()
    level = structlog.make_filtering_bound_logger(logging.INFO)
    return {"processors": steps, "wrapper_class": level}


def _json_steps() -> list[Processor]:
    traceback = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    # ASCII only: json.dumps escapes every line break there is, U+2028 too.
    return [traceback, redact, JSONRenderer(ensure_ascii=True)]


def _console_steps(*, colors: bool) -> list[Processor]:
    # repr quotes each text and escapes what is not printable: no value can look like two.
    renderer = ConsoleRenderer(
        colors=colors, repr_native_str=True, exception_formatter=plain_traceback
    )
    return [format_exc_info, redact, _keep_to_own_lines, renderer]


def _take_over_stdlib(target: TextIO, steps: list[Processor]) -> None:
    handler = Handler(target)
    processors = [ProcessorFormatter.remove_processors_meta, *steps]
    formatter = ProcessorFormatter(processors=processors, foreign_pre_chain=[add_logger_name])
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept, Handler)]
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = name != "uvicorn.access"


def redact(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
    """Remove secrets: fields by name, at any depth, and JWTs by their looks."""
    return {name: _without_secrets(name, value) for name, value in event_dict.items()}


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


def _without_secrets(name: str, value: object) -> object:
    if _names_a_secret(name):
        return REDACTED
    if isinstance(value, str):
        return JWT.sub(rf"\1{REDACTED}", value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets("", inner) for inner in value]
    return value


def _keep_to_own_lines(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
    """Escape the event, and indent a traceback: no line of it looks like a log line."""
    event_dict["event"] = _printable(str(event_dict.get("event", "")))
    if "exception" in event_dict:
        lines = str(event_dict["exception"]).split("\n")
        event_dict["exception"] = "\n".join(f"    | {_printable(line)}" for line in lines)
    return event_dict


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
