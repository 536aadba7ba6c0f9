"""No request is answered before the database is prepared and the keys are loaded.

Most often the server's start-up does it. A mounted application has none, and a database may be
down at the start: then requests do, one at a time, until it has worked.
"""

from threading import Lock
from time import monotonic

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.errors import CommandError, Unavailable
from authapi.services.start import prepare
from authapi.web.error_handlers import as_response
from authapi.web.parts import Parts

log = structlog.get_logger()

ALWAYS_OPEN = ("/healthz", "/readyz", "/docs", "/openapi.json")
RETRY_AFTER = 0.5  # seconds between two attempts


class StartGate:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = Lock()
        self._not_before = 0.0
        self.is_open = False

    async def open(self) -> None:
        """Prepare now. A database out of reach may come later; raises CommandError for the rest."""
        try:
            await run_in_threadpool(self._prepare)
        except Unavailable:
            log.warning("database_out_of_reach", at="start")

    def middleware(self, app: ASGIApp) -> ASGIApp:
        async def gate(scope: Scope, receive: Receive, send: Send) -> None:
            if self.is_open or scope["type"] != "http" or await self._lets_through(scope):
                await app(scope, receive, send)
            else:
                await as_response(Unavailable())(scope, receive, send)

        return gate

    async def _lets_through(self, scope: Scope) -> bool:
        try:
            await run_in_threadpool(self._prepare)
        except Unavailable:
            pass
        except CommandError as error:
            log.error("not_ready", reason=str(error))  # noqa: TRY400 - a sentence says it all
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return self.is_open or path.startswith(ALWAYS_OPEN)

    def _prepare(self) -> None:
        with self._lock:
            if self.is_open or monotonic() < self._not_before:
                return
            parts = self._parts
            try:
                prepare(parts.db, parts.settings, parts.keys.ring)
                parts.poll.poll()  # the whole window, before the first request is answered
            finally:
                # From the end of the attempt: whoever waited for it does not make another.
                self._not_before = monotonic() + RETRY_AFTER
            parts.poll.start()
            self.is_open = True
