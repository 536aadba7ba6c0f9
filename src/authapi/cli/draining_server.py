"""uvicorn's server, whose end drops no request.

uvicorn closes its listening socket and each connection that has no request. But the kernel has
accepted connections that uvicorn has not, and requests are on their way on the others. A client
sees them reset, and can't know whether its request was carried out.

  at SIGTERM                 what becomes of it
  not connected              waits for a second, then is refused, or meets the next server
  in the kernel's queue      accepted and answered
  without a request so far   may send one for LAST_CALL_SECONDS (slowed_protocol.py)
  with a request             answered, within uvicorn's timeout_graceful_shutdown
"""

import asyncio
import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import cast

import uvicorn

# In this time the parent of several workers lets go of the socket, too (supervisor.py), and
# handshakes that have begun come to their end.
HAND_OVER_SECONDS = 0.3

# Linux's, of asm-generic/socket.h. The program in BPF: drop a packet with SYN and without ACK.
SO_ATTACH_FILTER = 26
FLAGS_OFFSET, SYN, SYN_OR_ACK = 13, 0x02, 0x12
DROP_SYN = (
    (0x30, 0, 0, FLAGS_OFFSET),  # load the byte
    (0x54, 0, 0, SYN_OR_ACK),  # and
    (0x15, 0, 1, SYN),  # unless equal, skip one
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # take all
)


class DrainingServer(uvicorn.Server):
    shares_socket = False  # with other processes, which may go on

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if not self.shares_socket:
            for each in self._listening():
                take_no_more(each)
        await asyncio.sleep(HAND_OVER_SECONDS)
        waiting = [client for each in self._listening() for client in _accepted(each)]
        for listener in self.servers:
            listener.close()
        for each in sockets or []:
            each.close()
        protocol = partial(
            cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        for client in waiting:
            with suppress(OSError):  # it has gone meanwhile
                await asyncio.get_running_loop().connect_accepted_socket(protocol, client)
        await super().shutdown(sockets)

    def _listening(self) -> Iterator[socket.socket]:
        """Yield a copy of each listening socket: uvloop's own ones take no options."""
        for each in (own for listener in self.servers for own in listener.sockets):
            with socket.socket(fileno=os.dup(each.fileno())) as copy:
                yield copy


def take_no_more(listening: socket.socket) -> None:
    """Let the kernel drop what would begin a connection. What has begun goes on.

    After a close the queue is lost. So first nothing more may come into it. Elsewhere than on
    Linux, what comes between the last look and the close is reset.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *instruction) for instruction in DROP_SYN)
    )
    value = struct.pack("HP", len(DROP_SYN), ctypes.addressof(program))
    with suppress(OSError):  # a sandbox without it
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, value)


def _accepted(listening: socket.socket) -> Iterator[socket.socket]:
    """Accept all connections that wait in the kernel's queue."""
    with suppress(OSError):
        while True:  # until BlockingIOError
            client, _ = listening.accept()
            client.settimeout(0)
            yield client
