"""A receiver of traces: OTLP over HTTP, read by the classes of opentelemetry-proto."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.until import until


@dataclass
class Receiver:
    url: str
    bodies: list[bytes] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    may_answer: Event = field(default_factory=Event)

    def take(self, body: bytes) -> None:
        sent = ExportTraceServiceRequest.FromString(body)
        self.bodies.append(body)
        for of_resource in sent.resource_spans:
            self.resources.append(attributes(of_resource.resource))
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def await_span(self, name: str, count: int = 1) -> Span:
        until(lambda: len(self.named(name)) >= count, seconds=30, every=0.02)
        return self.named(name)[count - 1]

    def children(self, span: Span) -> list[Span]:
        return [each for each in self.spans if each.parent_span_id == span.span_id]


def attributes(owner: Any) -> dict[str, str]:
    return {
        each.key: each.value.string_value or str(each.value.int_value) for each in owner.attributes
    }


@contextmanager
def trace_receiver(*, answers: bool = True) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.may_answer.wait(60)
            receiver.take(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        if answers:
            receiver.may_answer.set()
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.may_answer.set()
            server.shutdown()
            thread.join()
