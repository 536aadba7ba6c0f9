"""Let no request in before the database is prepared and the keys are loaded.

Most often the server's start-up prepares them. A mounted application has no start-up, and a
database may be down at the start. Then the requests do it, one at a time, until it has worked.
"""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, current_thread, main_thread
from time import monotonic
from types import FrameType

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.errors import OperatorError, Unavailable
from authapi.logs import log
from authapi.services.operation.start import prepare
from authapi.web.error_handlers import as_response
from authapi.web.runtime import Runtime

# Nothing below these needs a database, and a health check must not wait for one.
OPEN_PATHS = ("/healthz", "/docs", "/openapi.json")
READINESS_PATH = "/readyz"  # answers even if the attempt fails: it names what is missing
RETRY_PAUSE_SECONDS = 0.5
MAX_WAIT_SECONDS = 1.5  # for the attempt of another request
SHUTDOWN_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StartGate:
    """Closed until the first attempt to prepare the runtime succeeds; then open for good."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = Lock()
        self._not_before = 0.0
        self.is_open = False

    async def open(self) -> None:
        """Prepare now. A database out of reach may come later. Raises OperatorError."""
        try:
            await run_in_threadpool(self._prepare)
        except Unavailable:
            log.warning("database_out_of_reach", at="start")

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Return the application behind this gate. No coroutine is added while the gate is open."""

        async def try_to_open(scope: Scope, receive: Receive, send: Send) -> None:
            answer: ASGIApp = app
            if not await self._lets_through(scope):
                self._runtime.refusals.add(Unavailable.__name__)
                answer = as_response(Unavailable())
            await answer(scope, receive, send)

        def gate(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            answer = app if self.is_open or scope["type"] != "http" else try_to_open
            return answer(scope, receive, send)

        return gate

    async def _lets_through(self, scope: Scope) -> bool:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(OPEN_PATHS):
            return True
        with suppress(Unavailable):
            try:
                await run_in_threadpool(self._prepare)
            except OperatorError as error:
                log.error("not_ready", reason=str(error))
        return self.is_open or path == READINESS_PATH

    def _prepare(self) -> None:
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
            runtime.poll.start()
            runtime.row_follower.start()
            runtime.mail_sender.start()
            runtime.purge.start()
            self.is_open = True
        finally:
            self._lock.release()


@contextmanager
def before_shutdown(stop_waiting: Callable[[], None]) -> Iterator[None]:
    """Call `stop_waiting` when a signal ends the server, before the server's own handler.

    ASGI tells an application of the end after its last request. That is too late for requests
    that wait for news.
    """
    if current_thread() is not main_thread():
        yield  # Python delivers signals to the main thread only
        return
    previous = {number: signal.getsignal(number) for number in SHUTDOWN_SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        stop_waiting()
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            signal.default_int_handler(number, frame)

    for number in SHUTDOWN_SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
