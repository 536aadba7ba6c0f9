"""A span for each statement that a request or a mail sends: its text without values."""

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from authapi.tracing import traces

MAX_TEXT = 2000


def follow(engine: Engine) -> None:
    """Trace the statements of the engine, where traces are wanted."""
    if traces.is_wanted:
        event.listen(engine, "before_cursor_execute", _begin)
        event.listen(engine, "after_cursor_execute", _end)
        event.listen(engine, "handle_error", _fail)


def _begin(connection: Any, _cursor: Any, statement: str, _values: Any, *rest: Any) -> None:  # noqa: ANN401
    operation = statement.split(maxsplit=1)[0].upper()
    text = {"db.system.name": connection.dialect.name, "db.query.text": statement[:MAX_TEXT]}
    rest[0].authapi_span = traces.begin(operation, text | {"db.operation.name": operation})


def _end(*arguments: Any) -> None:  # noqa: ANN401
    span = getattr(arguments[4], "authapi_span", None)
    if span is not None:
        span.end()


def _fail(error: ExceptionContext) -> None:
    span = getattr(error.execution_context, "authapi_span", None)
    if span is not None:
        span.set_attribute("error.type", type(error.original_exception).__name__)
        span.end()
