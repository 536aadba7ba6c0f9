"""Traces by OpenTelemetry, as a receiver of OTLP gets them from a running server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.server import ServerProcess
from tests.support.settings import SERVER, environment
from tests.support.trace_receiver import Receiver, attributes, trace_receiver

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
LOGIN = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with trace_receiver() as receiver:
        send_to(receiver, monkeypatch)
        yield receiver


def send_to(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


def register_and_log_in(client: httpx.Client, **headers: str) -> dict[str, str]:
    assert client.post("/register", json=LOGIN).status_code == 201
    answer = client.post("/login?token=secret-query", json=LOGIN, headers=headers)
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_log_in_is_one_trace(receiver: Receiver, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, **SERVER) as server, server.client() as client:
        tokens = register_and_log_in(client, traceparent=TRACEPARENT, baggage="who=eve")
        me = client.get("/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert me.status_code == 200
        span = receiver.await_span("POST /login")
        receiver.await_span("GET /me")
        log = server.log
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": "/login",
        "http.response.status_code": "200",
    }
    assert span.trace_id.hex() != TRACE  # a stranger says nothing about traces
    assert receiver.resources[0]["service.name"] == "authapi"
    inner = receiver.children(span)
    assert [each.name for each in inner].count("hash password") == 1
    assert {"SELECT", "UPDATE"} & {each.name for each in inner}
    assert all(each.trace_id == span.trace_id for each in inner)
    lines = [json.loads(line) for line in log.splitlines() if '"POST", "path": "/login"' in line]
    assert [line["trace_id"] for line in lines] == [span.trace_id.hex()]
    assert '"trace_id"' not in "".join(each for each in log.splitlines() if "key_added" in each)
    sent = b"".join(receiver.bodies)
    for secret in (EMAIL, "ada@", PASSWORD, "secret-query", "127.0.0.1", tokens["access_token"]):
        assert str(secret).encode() not in sent, secret


def test_a_mail_is_a_trace(receiver: Receiver, tmp_path: Path) -> None:
    mails = {"mail_dir": str(tmp_path / "mails")}
    with ServerProcess(tmp_path, **SERVER, **mails) as server, server.client() as client:
        client.post("/register", json=LOGIN)
        client.post("/password/forgot", json={"email": EMAIL})
        span = receiver.await_span("send mail")
        assert attributes(span)["authapi.mail.kind"]
        assert not span.parent_span_id


def test_a_trusted_proxys_trace_goes_on(receiver: Receiver, tmp_path: Path) -> None:
    settings = SERVER | {"trusted_proxies": "127.0.0.1"}
    with ServerProcess(tmp_path, **settings) as server, server.client() as client:
        client.get("/verify")
        client.get("/verify", headers=[("traceparent", TRACEPARENT)] * 2)
        client.get("/verify", headers={"traceparent": "00-nonsense"})
        assert client.get("/verify", headers={"traceparent": TRACEPARENT}).status_code == 401
        client.get("/me", headers={"traceparent": TRACEPARENT.replace("-01", "-00")})
        client.get("/nowhere")
        receiver.await_span("other")
    in_trace = [span for span in receiver.named("/verify") if span.trace_id.hex() == TRACE]
    assert len(in_trace) == 1
    assert attributes(in_trace[0])["http.response.status_code"] == "401"
    assert not receiver.named("GET /me")  # the proxy decided against it
    # Without a trace of the proxy there is none for what machines repeat.
    assert len(receiver.named("/verify")) <= 2


def test_a_receiver_that_hangs_delays_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with trace_receiver(answers=False) as receiver:
        send_to(receiver, monkeypatch)
        with ServerProcess(tmp_path, **SERVER) as server, server.client() as client:
            for _ in range(50):
                assert client.get("/me").status_code == 401
            began = monotonic()
            server.stop()
            assert monotonic() - began < 20  # the SDK would wait for 30 s


def test_without_a_receiver_nothing_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from authapi import create_app; create_app();"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    ours = environment(secret=SERVER["secret"])
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=ours, capture_output=True, text=True
    )
    assert run.stdout == "[]\n", run.stderr


IN_A_HOST = """
import asyncio, httpx
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
from authapi import create_app

async def ask():
    app = create_app()
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.get("/email/verify?token=secret-token")
            await client.post("/login", json={"email": "secret", "password": ["secret"]})

asyncio.run(ask())
for span in exporter.get_finished_spans():
    print(span.name, span.to_json(indent=None))
"""


def test_a_hosts_provider_gets_our_spans_and_no_query(tmp_path: Path) -> None:
    ours = environment(secret=SERVER["secret"])
    run = subprocess.run(
        [sys.executable, "-c", IN_A_HOST],
        cwd=tmp_path,
        env=ours,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.partition(" {")[0] for line in run.stdout.splitlines()]
    assert names.count("GET /email/verify") == 1
    assert names.count("POST /login") == 1
    assert "secret" not in run.stdout
    assert not [name for name in names if name.startswith("fastapi")]
