"""The kind: bytes that no client would send (issue 11). Bounded in time, and repeatable.

A failure names its seed: `FUZZ_SEED=… make test ARGS=tests/attacks/test_socket_fuzz.py` sends the
same again.
"""

import asyncio
import os
import re
from contextlib import suppress
from itertools import count
from random import Random, SystemRandom
from time import monotonic

from tests.attacks.conftest import MakeServer
from tests.support.http_noise import Noise, noise
from tests.support.server import ServerProcess
from tests.support.sockets import ask, peak_kib, request
from tests.support.until import until

SECONDS = 8.0
AT_ONCE = 8
SILENCE_SECONDS = 0.3  # then the server waits for more, which is its right
ANSWER_SECONDS = 5.0  # for a whole request; the machine may be busy
HEALTH_SECONDS = 2.0
GROWTH_KIB = 48 * 1024
LEAST_CASES = 100
TROUBLE = re.compile(r"Traceback|unexpected_error|\"error\", \"level\"|\"level\": \"error\"")
STATUS = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) ")


async def send_and_read(port: int, sent: Noise) -> bytes:
    """Send it piece by piece; return what came back until the end, or until silence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with suppress(ConnectionError):
        for piece in sent.pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)
        patience = ANSWER_SECONDS if sent.whole else SILENCE_SECONDS
        while not sent.hangs_up and not (sent.whole and answers(received) >= sent.whole):
            try:
                content = await asyncio.wait_for(reader.read(65536), patience)
            except TimeoutError:
                break
            if not content:
                break
            received += content
    writer.transport.abort()
    return received


def answers(received: bytes) -> int:
    return len(STATUS.findall(received))


def complaint(sent: Noise, received: bytes) -> str:
    """Return what is wrong with an answer, or nothing."""
    if received and not received.startswith(b"HTTP/1.1 "):
        return "no HTTP came back"
    if any(status.startswith(b"5") for status in STATUS.findall(received)):
        return "a 5xx came back"
    if answers(received) < sent.whole:
        return f"{answers(received)} answers to {sent.whole} requests"
    return ""


async def fuzz(port: int, seed: int) -> int:
    """Send noise until the time is up; return how many cases that were."""
    numbers, ends_at = count(1), monotonic() + SECONDS
    sent = 0

    async def attack() -> None:
        nonlocal sent
        while monotonic() < ends_at:
            number = next(numbers)
            case = noise(Random(f"{seed} {number}"))
            received = await send_and_read(port, case)
            wrong = complaint(case, received)
            assert not wrong, f"FUZZ_SEED={seed}, case {number}: {wrong}\n{case}\n{received!r}"
            sent += 1

    async def watch() -> None:
        healthy = Noise([request("GET", "/healthz")], whole=1)
        while monotonic() < ends_at:
            began = monotonic()
            assert b"200 OK" in await send_and_read(port, healthy)
            waited = monotonic() - began
            assert waited < HEALTH_SECONDS, f"FUZZ_SEED={seed}: /healthz took {waited:.1f} s"
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        for _ in range(AT_ONCE):
            tasks.create_task(attack())
    return sent


def open_connections(server: ServerProcess) -> float:
    page = ask(server, request("GET", "/metrics")).raw.decode()
    [number] = re.findall(r"^authapi_connections_open (\S+)$", page, re.MULTILINE)
    return float(number)


def test_no_bytes_on_a_socket_bring_the_server_down(make_server: MakeServer) -> None:
    seed = int(os.environ.get("FUZZ_SEED") or SystemRandom().randrange(2**32))
    print(f"FUZZ_SEED={seed}")
    server = make_server(hash_queue=1000)  # else one address would be answered 503, as it should
    ask(server, request("GET", "/metrics"))
    idle = peak_kib(server.pid)
    assert asyncio.run(fuzz(server.port, seed)) > LEAST_CASES
    assert peak_kib(server.pid) - idle < GROWTH_KIB, f"FUZZ_SEED={seed}"
    until(lambda: open_connections(server) == 1)  # none is left but the one that asks
    bad = [line for line in server.log.splitlines() if TROUBLE.search(line)]
    assert bad == [], f"FUZZ_SEED={seed}\n{bad[0]}"
