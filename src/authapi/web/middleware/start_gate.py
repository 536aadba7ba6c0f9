"""No request is answered before the database is prepared and the keys are loaded.

Most often the server's start-up does it. A mounted application has none, and a database may be
down at the start: then requests do, one at a time, until it has worked.
"""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, current_thread, main_thread
from time import monotonic
from types import FrameType

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.errors import OperatorError, Unavailable
from authapi.services.operation.start import prepare
from authapi.web.error_handlers import as_response
from authapi.web.runtime import Runtime

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def before_shutdown(stop_waiting: Callable[[], None]) -> Iterator[None]:
    """Call it before the server's own handler of a signal that ends it.

    ASGI tells an application of the end only after its last request: too late for one that waits.
    """
    if current_thread() is not main_thread():
        yield  # an application in a thread hears of no signal
        return
    previous = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        stop_waiting()
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            signal.default_int_handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


log = structlog.get_logger()

# Nothing of what these say needs a database; a liveness probe must not wait for one.
ALWAYS_OPEN = ("/healthz", "/docs", "/openapi.json")
READINESS = "/readyz"  # says what is missing, after another attempt
# Seconds between two attempts, and how long a request waits for the one that is under way.
RETRY_AFTER = 0.5
PATIENCE = 1.5


class StartGate:
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
        async def try_first(scope: Scope, receive: Receive, send: Send) -> None:
            answer = app if await self._lets_through(scope) else as_response(Unavailable())
            await answer(scope, receive, send)

        def gate(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            answer = app if self.is_open or scope["type"] != "http" else try_first
            return answer(scope, receive, send)

        return gate

    async def _lets_through(self, scope: Scope) -> bool:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(ALWAYS_OPEN):
            return True
        with suppress(Unavailable):
            try:
                await run_in_threadpool(self._prepare)
            except OperatorError as error:
                log.error("not_ready", reason=str(error))  # noqa: TRY400 - a sentence says it all
        return self.is_open or path == READINESS

    def _prepare(self) -> None:
        if not self._lock.acquire(timeout=PATIENCE):
            raise Unavailable
        try:
            if self.is_open or monotonic() < self._not_before:
                return
            runtime = self._runtime
            try:
                prepare(runtime.db, runtime.settings, runtime.tokens.keys.ring)
                runtime.poll.poll()  # the whole window, before the first request is answered
            finally:
                # From the end of the attempt: whoever waited for it does not make another.
                self._not_before = monotonic() + RETRY_AFTER
            runtime.poll.start()
            self.is_open = True
        finally:
            self._lock.release()
