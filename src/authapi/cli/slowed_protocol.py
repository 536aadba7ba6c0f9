"""uvicorn's HTTP protocol, with refusals that wait in a flood, and with an end for a connection.

In a flood from one address, a refusal waits half a second before it is told (see refusal_pace).
It waits here, where every refusal passes: a route's, a middleware's, and that of a bad head. It
holds its connection meanwhile, and no thread. Good answers never wait.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Any, ClassVar, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from authapi.cli.deadline import Reading
from authapi.cli.refusal_bytes import as_bytes
from authapi.cli.refusal_pace import WAIT_SECONDS, RefusalPace, is_refusal
from authapi.errors import Refusal
from authapi.logs import log
from authapi.web.runtime import Runtime

SPARE_PART = 8  # an eighth more than the places of connections, for a moment; as many linger
LAST_CALL_SECONDS = 0.5  # at the end, for a request that is on its way
LINGER_SECONDS = 1  # a connection that is cut at once loses the refusal on its way


class SlowedProtocol(HttpToolsProtocol):
    # All that wait for their client or hold a refusal, the longest first: see `_make_room`.
    _waiting: ClassVar[dict["SlowedProtocol", None]] = {}
    # All that were refused and may still read that, the longest first. They take no place.
    _lingering: ClassVar[dict["SlowedProtocol", None]] = {}
    _pace: ClassVar = RefusalPace()  # of the process

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        self._reading = Reading.NOTHING
        self._is_over = False  # what still comes is dropped
        self._is_refused = False  # its head or body is, and the connection ends with it
        self._running: RequestResponseCycle | None = None  # requests after it wait in the pipeline
        self._runtime: Runtime = self.app.state.runtime
        self._hurry = asyncio.Event()  # what waits here waits no longer
        self._is_last_call = False  # the next answer ends the connection

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.pop(self, None)
        self._lingering.pop(self, None)
        self._is_over = True
        self._hurry.set()
        super().connection_lost(exc)
        if self._running is not None:
            self._running.disconnected = True  # uvicorn marks the request that came last, alone

    def shutdown(self) -> None:
        self._hurry.set()
        if self._is_refused:
            return
        self._is_last_call = True
        if self._is_answering:
            super().shutdown()
        else:
            self.loop.call_later(LAST_CALL_SECONDS, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._reading is Reading.NOTHING and not self._is_answering:
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _address(self) -> str | None:
        return self.client[0] if self.client else None

    # Refusals by the application

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        answer = cast("ASGIApp", app)  # uvicorn and Starlette name ASGI's types differently

        def slowed(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            def send_in_time(message: Message) -> Awaitable[None]:
                if is_refusal(message, scope) and self._must_wait(_client_of(scope)):
                    return self._send_late(cycle, send, message)
                return send(message)

            return answer(scope, receive, send_in_time)

        super()._start_asgi_task(cycle, cast("ASGI3Application", slowed))

    def _must_wait(self, address: str) -> bool:
        return self._pace.is_exceeded(address, self._runtime.settings.trusted_proxies)

    async def _send_late(self, cycle: RequestResponseCycle, send: Send, message: Message) -> None:
        """Send it after the wait. Without a place to wait, a client's connection ends instead."""
        address = _client_of(cycle.scope)
        with self._pace.places.place(address) as has_place:
            if has_place:
                await self._wait()
        if has_place or address != self._address:  # others use a proxy's connections, too
            await send(message)
            return
        cycle.disconnected = True  # so what the application still says is dropped
        cycle.message_event.set()
        self._start(self._abort_late())

    # Refusals of a head or a body

    async def _tell_late(self, refusal: Refusal) -> None:
        with self._pace.places.place(self._address or "") as has_place:
            if has_place:
                await self._wait()
                self._tell(refusal)
                return
        await self._abort_late()

    def _tell(self, refusal: Refusal) -> None:
        """Answer, and end the connection."""
        if self.transport.is_closing():
            return
        self._waiting.pop(self, None)
        # Without a target there is no method yet: the parser names that of an earlier request.
        is_head = self.url and self.parser.get_method() == b"HEAD"
        self.transport.write(as_bytes(refusal, self._runtime.settings, with_content=not is_head))
        self.transport.write_eof()
        self._linger()

    def _linger(self) -> None:
        """End the connection in a second, or once too many others linger."""
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        self._lingering[self] = None
        most = self.config.limit_concurrency
        if most is not None and len(self._lingering) > most // SPARE_PART:
            oldest = next(iter(self._lingering))
            del self._lingering[oldest]
            oldest.transport.abort()

    # The wait

    async def _wait(self) -> None:
        """Wait for a moment. The connection is the first to go if its place is needed."""
        if self.transport.is_closing():
            return
        self._waiting.setdefault(self)
        self.flow.pause_reading()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                await self._hurry.wait()

    async def _abort_late(self) -> None:
        """End the connection after the wait, and keep nothing of its request meanwhile."""
        self._is_over = True
        if self.headers:
            self.headers.clear()
        self.pipeline.clear()
        self.parser = None  # type: ignore[assignment]  # as when a connection is lost
        await self._wait()
        self.transport.abort()

    def _start(self, waiting: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(waiting)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # The end

    def _has_room(self) -> bool:
        """Return whether there is a place for this connection; see to it that one gets free."""
        most = self.config.limit_concurrency
        if most is None or self._places_taken <= most:
            return True
        if self._places_taken <= most + most // SPARE_PART:
            # Whoever is cut at once opens a new connection at once, thousands of times a second.
            self.loop.call_later(WAIT_SECONDS, self._make_room_if_needed, most)
            return True
        return self._make_room()

    @property
    def _places_taken(self) -> int:
        return len(self.connections) - len(self._lingering)

    def _make_room_if_needed(self, most: int) -> None:
        if self._places_taken > most:
            self._make_room()

    def _make_room(self) -> bool:
        """Cut the connection that has waited longest for its client; return whether one has."""
        for oldest in self._waiting:
            oldest._cut("another connection needs its place")  # noqa: SLF001 - the same class
            return True
        return False

    def _cut(self, reason: str) -> None:
        # A client that sent nothing, and has nothing to read, is no news.
        if self._reading is not Reading.NOTHING or self.flow.write_paused:
            log.info("connection_ended", reason=reason, ip=self._address)
            self._runtime.connections.add("cut")
        self._is_over = True
        self._waiting.pop(self, None)
        self.transport.abort()


def _client_of(scope: Any) -> str:  # noqa: ANN401 - uvicorn's and Starlette's types differ
    """Return the client's address. A trusted proxy has told it (web/middleware/proxies)."""
    return str(scope["client"][0]) if scope.get("client") else ""
