"""Let no request in before the database is prepared and the keys are loaded.

Most often the server's start-up prepares them. A mounted application may have no start-up, and a
database may be down at the start. Then the requests do it, one at a time, until it has worked.
"""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from threading import Lock, current_thread, main_thread
from time import monotonic
from types import FrameType

from anyio.to_thread import current_default_thread_limiter
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.db.database import KEPT_CONNECTIONS
from authapi.errors import OperatorError, Unavailable
from authapi.logs import log
from authapi.services.operation.start import prepare
from authapi.tracing import traces
from authapi.web.error_handlers import as_response
from authapi.web.metrics.workers import Workers
from authapi.web.route_path import route_path
from authapi.web.runtime import Runtime

# Nothing below these needs a database, and a health check must not wait for one.
OPEN_PATHS = ("/healthz", "/docs", "/openapi.json")
READINESS_PATH = "/readyz"  # answers even if the attempt fails: it names what is missing
RETRY_PAUSE_SECONDS = 0.5
MAX_WAIT_SECONDS = 1.5  # for the attempt of another request
SHUTDOWN_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Requests that do I/O at one moment, each with a kept connection. Starlette's 40 threads hand the
# GIL on at each statement: 16 clients get 1,050 refreshes a second by 40 threads, 1,750 by 10.
REQUEST_THREADS = KEPT_CONNECTIONS


class StartGate:
    """Closed until the first attempt to prepare the runtime succeeds; then open until `close`."""

    def __init__(self, runtime: Runtime, workers: Workers) -> None:
        self._runtime, self._workers = runtime, workers
        self._lock = Lock()
        self._not_before = 0.0
        self._restore_signals: Callable[[], None] | None = None
        self.is_open = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the gate for the time of the block, then close the runtime.

        Raises OperatorError. It may be repeated: a host's tests start their application often.
        """
        await self.open()
        try:
            yield
        finally:
            self.close()

    async def open(self) -> None:
        """Prepare now. A database out of reach may come later. Raises OperatorError."""
        try:
            await run_in_threadpool(self.prepare)
        except Unavailable:
            log.warning("database_out_of_reach", at="start")
        if traces.lacks_sdk:
            log.warning("traces_not_sent", reason="the extra authapi[otel] is not installed")
        self._watch_signals()

    def close(self) -> None:
        """Finish what is under way, and let go of threads, connections and signals."""
        was_open, self.is_open, self._not_before = self.is_open, False, 0.0
        if self._restore_signals:
            self._restore_signals()
            self._restore_signals = None
        self._runtime.close()
        self._workers.leave()
        if was_open:
            traces.stop()

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Return the application behind this gate. No coroutine is added while the gate is open."""

        async def closed(scope: Scope, receive: Receive, send: Send) -> None:
            answer: ASGIApp = app
            if not await self._lets_through(scope):
                self._runtime.refusals.add(Unavailable.__name__)
                answer = as_response(Unavailable())
            await answer(scope, receive, send)

        def gate(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            if not self.is_open and scope["type"] == "lifespan":
                # A server's start-up: the process serves nothing else. A host that embeds this
                # application enters its lifespan without a scope, and keeps its own limiter.
                current_default_thread_limiter().total_tokens = REQUEST_THREADS
            answer = app if self.is_open or scope["type"] != "http" else closed
            return answer(scope, receive, send)

        return gate

    async def _lets_through(self, scope: Scope) -> bool:
        path = route_path(scope)
        if path.startswith(OPEN_PATHS):
            return True
        return await self.try_to_open() or path == READINESS_PATH

    async def try_to_open(self) -> bool:
        """Prepare for a request, unless it is done. Return whether it is; log why not."""
        with suppress(Unavailable):
            try:
                await run_in_threadpool(self.prepare)
            except OperatorError as error:
                log.error("not_ready", reason=str(error))
        self._watch_signals()
        return self.is_open

    def prepare(self) -> None:
        """Prepare now, unless it is done. Raises Unavailable, OperatorError."""
        if not self._lock.acquire(timeout=MAX_WAIT_SECONDS):
            raise Unavailable
        try:
            if self.is_open or monotonic() < self._not_before:
                return
            runtime = self._runtime
            try:
                prepare(runtime.db, runtime.settings, runtime.tokens.keys.ring)
                runtime.poll.poll()  # the whole window, before the first request is answered
            finally:
                # From the end of the attempt: a request that waited for it does not repeat it.
                self._not_before = monotonic() + RETRY_PAUSE_SECONDS
            self._workers.join()
            traces.start()
            runtime.poll.start()
            runtime.row_follower.start()
            runtime.mail_sender.start()
            runtime.purge.start()
            runtime.presence.start()
            self.is_open = True
        finally:
            self._lock.release()

    def _watch_signals(self) -> None:
        # Python delivers signals to the main thread only.
        if self._restore_signals is None and current_thread() is main_thread():
            stop_waiting = self._runtime.revocations.pages.changed.close
            self._restore_signals = before_shutdown(stop_waiting)


def before_shutdown(stop_waiting: Callable[[], None]) -> Callable[[], None]:
    """Call `stop_waiting` when a signal ends the server, before the server's own handler.

    ASGI tells an application of the end after its last request, and a mounted one not at all. That
    is too late for requests that wait for news. Return what restores the handlers.
    """
    previous = {number: signal.getsignal(number) for number in SHUTDOWN_SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        stop_waiting()
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            signal.default_int_handler(number, frame)

    def restore() -> None:
        for number, handler in previous.items():
            if signal.getsignal(number) is handle:  # or somebody has replaced ours meanwhile
                signal.signal(number, handler)

    for number in SHUTDOWN_SIGNALS:
        signal.signal(number, handle)
    return restore
