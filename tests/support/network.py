"""Machines in network namespaces of this test: only they reach one another, and nobody else.

`front` joins the two machines and the proxy, `back` the two machines and the database. A cable can
be unplugged from its switch: what is sent is lost, and nobody is told.
"""

import ctypes
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")
FRONT, BACK = "10.77.1.{}", "10.77.2.{}"
_LIBC = ctypes.CDLL(None, use_errno=True)


class Network:
    """`proxy` and `database` are at .1 of their networks, the machines 2 and 3 at .2 and .3."""

    def __init__(self) -> None:
        mark = secrets.token_hex(3)
        self.proxy, self.database = f"authapi-{mark}-1", f"authapi-{mark}-4"
        self.machines = {number: f"authapi-{mark}-{number}" for number in (2, 3)}
        self._switch = f"authapi-{mark}-0"

    @classmethod
    @contextmanager
    def laid(cls) -> Iterator["Network"]:
        """Lay it during the block."""
        network = cls()
        with ExitStack() as stack:
            for name in (network._switch, network.proxy, network.database, *network._machines()):
                _ip("netns", "add", name)
                stack.callback(_ip, "netns", "del", name)
                _ip("-n", name, "link", "set", "lo", "up")
            for switch in ("front", "back"):
                network._on_switch("link", "add", switch, "type", "bridge")
                network._on_switch("link", "set", switch, "up")
            network._join("front", 1, network.proxy)
            network._join("back", 1, network.database)
            for number, name in network.machines.items():
                network._join("front", number, name)
                network._join("back", number, name)
            yield network

    @contextmanager
    def cut(self, machine: int) -> Iterator[None]:
        """Cut a machine off from the database during the block."""
        cable = f"back{machine}"
        self._on_switch("link", "set", cable, "nomaster")
        try:
            yield
        finally:
            self._on_switch("link", "set", cable, "master", "back")

    def _machines(self) -> list[str]:
        return list(self.machines.values())

    def _join(self, switch: str, number: int, name: str) -> None:
        cable, address = f"{switch}{number}", (FRONT if switch == "front" else BACK).format(number)
        end = ("type", "veth", "peer", "name", switch, "netns", name)
        self._on_switch("link", "add", cable, *end)
        self._on_switch("link", "set", cable, "master", switch, "up")
        _ip("-n", name, "address", "add", f"{address}/24", "dev", switch)
        _ip("-n", name, "link", "set", switch, "up")

    def _on_switch(self, *arguments: str) -> None:
        _ip("-n", self._switch, *arguments)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Let this thread, and the processes that it starts, be in a namespace during the block."""
    own = f"/proc/self/task/{threading.get_native_id()}/ns/net"
    before = os.open(own, os.O_RDONLY)
    try:
        there = os.open(NAMESPACES / namespace, os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(before)
    finally:
        os.close(before)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    subprocess.run(["ip", *arguments], check=True, env={"PATH": path})
