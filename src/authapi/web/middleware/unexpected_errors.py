"""Answer an unexpected error with a 500 that says nothing, and log all of it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authapi.errors import ServerError
from authapi.logs import log
from authapi.web.error_handlers import as_response
from authapi.web.logged_path import logged_path


class UnexpectedErrors:
    """Pure ASGI. It stands inside the middleware that gives each response its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            if scope["type"] != "http":
                raise
            log.exception("unexpected_error", method=scope["method"], path=logged_path(scope))
            if has_begun:
                raise  # half an answer is out: only the connection can be cut
            scope["app"].state.runtime.refusals.add(ServerError.__name__)
            await as_response(ServerError())(scope, receive, send)
