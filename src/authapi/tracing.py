"""Traces by OpenTelemetry: requests, statements, hashes and mails. The extra `authapi[otel]`.

They are on where the environment names a receiver (OTEL_EXPORTER_OTLP_ENDPOINT), or where a host
program has configured OpenTelemetry's SDK. Else nothing is imported, and nothing is done.

No attribute is personal or secret: no path, query, address or value of a statement. Spans are sent
in batches on a thread of the SDK, which drops them when its queue is full. So a receiver that is
slow or away delays no request.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from importlib.util import find_spec
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeAlias

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

RECEIVERS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTER = "opentelemetry.exporter.otlp.proto.http"
STOP_SECONDS = 3.0  # for the spans that are not sent yet

# structlog puts it into every log line, by its name.
TRACE_ID = ContextVar[str](f"{STRUCTLOG_KEY_PREFIX}trace_id")

Attributes: TypeAlias = Mapping[str, str | int]


class Traces:
    """The tracer of this process, between `start` and `stop`. Applications share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._own: TracerProvider | None = None
        self._tracer: Tracer | None = None

    @property
    def is_wanted(self) -> bool:
        """Return whether there is a receiver, or a host's provider, and the SDK is installed."""
        if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return False
        return (_has_receiver() and _has_sdk()) or _host_provider() is not None

    @property
    def lacks_sdk(self) -> bool:
        """Return whether there is a receiver and nothing that could send to it."""
        return _has_receiver() and not _has_sdk()

    def start(self) -> None:
        if not self.is_wanted:
            return
        with self._lock:
            self._users += 1
            if self._tracer is None:
                provider = _host_provider()
                if provider is None:
                    provider = self._own = _new_provider()
                self._tracer = provider.get_tracer("authapi", version("authapi"))

    def stop(self) -> None:
        """Send what is left, for STOP_SECONDS at most. A host's provider stays as it is."""
        with self._lock:
            self._users = max(0, self._users - 1)
            if self._users:
                return
            own, self._own, self._tracer = self._own, None, None
        if own is not None:
            stopping = Thread(target=own.shutdown, name="authapi-traces", daemon=True)
            stopping.start()
            stopping.join(STOP_SECONDS)

    @contextmanager
    def root(
        self, name: str, attributes: Attributes, traceparent: str | None = None
    ) -> Iterator["Span | None"]:
        """Open a span that is no part of another of ours. Log lines in it carry its trace id."""
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import INVALID_SPAN, SpanKind, get_current_span
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = None  # a host's span, if there is one
        if traceparent and get_current_span() is INVALID_SPAN:
            context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
        kind = SpanKind.SERVER if "http.route" in attributes else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name,
            context,
            kind,
            attributes,
            record_exception=False,  # its message may have what a client sent
            set_status_on_exception=False,
        ) as span:
            if not span.is_recording():
                yield None
                return
            token = TRACE_ID.set(f"{span.get_span_context().trace_id:032x}")
            try:
                yield span
            finally:
                TRACE_ID.reset(token)

    def begin(self, name: str, attributes: Attributes) -> "Span | None":
        """Begin a span within the current one, which the caller ends. None without a current one.

        So what the poll repeats each second is no trace.
        """
        if self._tracer is None:
            return None
        from opentelemetry.trace import SpanKind, get_current_span

        if not get_current_span().is_recording():
            return None
        return self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=dict(attributes))

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Open a span within the current one for the time of the block."""
        span = self.begin(name, {})
        try:
            yield
        finally:
            if span is not None:
                span.end()


traces = Traces()


def _has_receiver() -> bool:
    is_otlp = os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"
    return is_otlp and any(map(os.environ.get, RECEIVERS))


def _has_sdk() -> bool:
    try:
        return find_spec("opentelemetry.sdk") is not None and find_spec(EXPORTER) is not None
    except ModuleNotFoundError:
        return False


def _host_provider() -> "TracerProvider | None":
    if "opentelemetry.sdk.trace" not in sys.modules:
        return None  # nobody can have configured it
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    provider = trace.get_tracer_provider()
    return provider if isinstance(provider, TracerProvider) else None


def _new_provider() -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {SERVICE_VERSION: version("authapi")}
    is_named = f"{SERVICE_NAME}=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not (is_named or os.environ.get("OTEL_SERVICE_NAME")):
        named[SERVICE_NAME] = "authapi"
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
