"""The kind: a connection that costs its client nothing and us a place (issue 11, row 4)."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.support.server import ServerProcess
from tests.support.settings import SERVER
from tests.support.sockets import ask, connect, peak_kib, read_one, request, send

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BODY = request("POST", "/login", "Content-Type: application/json", "Content-Length: 99")
FEW_DESCRIPTORS, MANY = 256, 400
EXCESS = 10  # connections more than there are places
WAITERS_OF_AN_ADDRESS = 8
OTHER_DESCRIPTORS = 40  # of the database, the log and the process itself
GROWTH_KIB = 64 * 1024


class FewDescriptors(ServerProcess):
    """A server that may open few files, connections among them."""

    def __init__(self, folder: Path, descriptors: int = FEW_DESCRIPTORS) -> None:
        super().__init__(folder, **SERVER)
        limit = f'ulimit -S -n 64; ulimit -H -n {descriptors}; exec "$@"'
        self._command = ("/bin/sh", "-c", limit, "sh", *self._command)

    def wait_until_idle(self) -> None:
        """Return once it computes nothing: from here on, what keeps a place holds it."""
        before = -1.0
        while before != (now := processor_seconds(self.pid)):
            before = now
            sleep(0.2)


def processor_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FewDescriptors]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 1024)), hard))
    with FewDescriptors(tmp_path_factory.mktemp("small")) as running:
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_descriptor_limit_is_raised_to_the_hard_one_and_logged(small: FewDescriptors) -> None:
    limits = Path(f"/proc/{small.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    assert line.split()[3] == str(FEW_DESCRIPTORS)
    assert f'"descriptors": {FEW_DESCRIPTORS}' in small.log


HELD = {
    "silent": b"",
    "half a head": HEAD,
    "a head of 60 KiB": HEAD + b"X: " + b"a" * 60_000,
    "half a body": BODY,
    "resting": HEAD + b"\r\n",
    "an answer that nobody reads": (HEAD.replace(b"/healthz", b"/openapi.json") + b"\r\n") * 4,
}


@pytest.mark.parametrize("name", HELD)
def test_many_that_hold_a_connection_keep_nobody_else_out(small: FewDescriptors, name: str) -> None:
    idle = peak_kib(small.pid)
    with ExitStack() as stack:
        for _ in range(MANY):
            with suppress(OSError):
                send(stack.enter_context(unread(small)), HELD[name])
            sleep(0.003)  # faster than the server accepts, connects would wait for a second
        small.wait_until_idle()
        for _ in range(5):
            began = monotonic()
            assert ask(small, request("GET", "/healthz")).status == 200
            assert monotonic() - began < 6  # a silent one keeps its place for ten seconds
            sleep(0.05)
        with small.client(timeout=30) as client:
            assert client.get("/readyz").status_code == 200  # it can still open its database
    assert peak_kib(small.pid) - idle < GROWTH_KIB
    assert "Too many open files" not in small.log
    assert "Traceback" not in small.log


def test_a_slow_reader_that_asks_once_more_is_cut_for_a_place_all_the_same(tmp_path: Path) -> None:
    places = 96 // 2
    with FewDescriptors(tmp_path, 96) as server, ExitStack() as stack:
        again = request("GET", "/openapi.json", close=False)
        held = [stack.enter_context(unread(server)) for _ in range(places)]
        kernel_takes = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
        for _ in range(kernel_takes // len(ask(server, request("GET", "/openapi.json")).raw) + 2):
            for connection in held:  # one by one: what is pipelined is not read
                send(connection, again)
            server.wait_until_idle()
        newcomers = [stack.enter_context(connect(server)) for _ in range(5)]
        for _ in range(2):
            for newcomer in newcomers:
                send(newcomer, request("GET", "/healthz", close=False))
                assert read_one(newcomer).status == 200
            sleep(1)  # more than a newcomer is given before one of all has to go


def unread(server: ServerProcess) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(2)
    connection.connect(("127.0.0.1", server.port))
    return connection


def test_those_that_are_cut_for_a_place_do_not_come_back_at_once(small: FewDescriptors) -> None:
    held: list[socket.socket] = []
    ended, ends_at = 0, monotonic() + 2.5
    places = FEW_DESCRIPTORS // 2
    while monotonic() < ends_at:
        while len(held) < places + EXCESS:
            held.append(socket.create_connection(("127.0.0.1", small.port), 5))
            held[-1].settimeout(0)
        sleep(0.01)
        for connection in held[:]:
            if is_closed(connection):
                held.remove(connection)
                connection.close()
                ended += 1
    for connection in held:
        connection.close()
    assert 0 < ended <= EXCESS * (2.5 / 0.5 + 1)


def is_closed(connection: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return connection.recv(1) == b""
    return False


def waiters(server: ServerProcess, count: int) -> Iterator[socket.socket]:
    """Yield connections whose requests run for half a minute, from several addresses."""
    for number in range(count):
        source = (f"127.0.1.{number // WAITERS_OF_AN_ADDRESS + 1}", 0)
        connection = socket.create_connection(("127.0.0.1", server.port), 5, source)
        send(connection, request("GET", "/revocations?since=9e9&wait=30", close=False))
        yield connection


def test_those_that_are_told_there_is_no_place_take_none(small: FewDescriptors) -> None:
    places, spare = FEW_DESCRIPTORS // 2, FEW_DESCRIPTORS // 16
    with ExitStack() as stack:
        for waiter in waiters(small, places + spare + 1):
            stack.enter_context(closing(waiter))
        began, most, told = monotonic(), 0, 0
        while (elapsed := monotonic() - began) < 1.5 or told <= 2 * spare:
            assert elapsed < 20
            newcomer = stack.enter_context(connect(small))
            told += newcomer.recv(12) == b"HTTP/1.1 503"
            most = max(most, len(list(Path(f"/proc/{small.pid}/fd").iterdir())))
        assert most < places + 2 * spare + OTHER_DESCRIPTORS
    assert "Too many open files" not in small.log
    assert ask(small, request("GET", "/healthz")).status == 200
