"""uvicorn's server, whose end drops no request.

uvicorn closes its listening socket and each connection that has no request. But the kernel has
accepted connections that uvicorn has not, and requests are on their way on the others. A client
sees them reset, and can't know whether its request was carried out.

  at SIGTERM                 what becomes of it
  not connected              accepted for HAND_OVER_SECONDS, then refused
  in the kernel's queue      accepted and answered
  without a request so far   may send one for LAST_CALL_SECONDS (slowed_protocol.py)
  with a request             answered, within uvicorn's timeout_graceful_shutdown
"""

import asyncio
import os
import socket
from asyncio.base_events import Server as Listener
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import cast

import uvicorn

# In this time the parent of several workers lets go of the socket, too (supervisor.py).
HAND_OVER_SECONDS = 0.2


class DrainingServer(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(HAND_OVER_SECONDS)
        waiting = [each for listener in self.servers for each in _accepted(listener)]
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


def _accepted(listener: Listener) -> Iterator[socket.socket]:
    """Accept all connections that wait in the kernel's queue."""
    for each in listener.sockets:
        with socket.socket(fileno=os.dup(each.fileno())) as own, suppress(OSError):
            while True:  # until BlockingIOError
                client, _ = own.accept()
                client.settimeout(0)
                yield client
