"""uvicorn's HTTP protocol, with bounds on what a client may send and how long it may take.

uvicorn bounds neither a head nor the time for one. The parser is httptools, as uvicorn chooses it:
it is written in C. h11 is written in Python, and bounds the head alone.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from authapi.cli import http_rules as rules
from authapi.cli.bounds import Bounds
from authapi.cli.deadline import Deadline, Reading
from authapi.cli.slowed_protocol import SlowedProtocol
from authapi.errors import BadRequest, HeaderFieldsTooLarge, Refusal, Unavailable, UriTooLong
from authapi.logs import log

MAX_TARGET_BYTES = 8 * 1024
MAX_DROPPED_BYTES = 16 * 1024 * 1024  # of what still comes after the answer
MAX_DROPPED_AFTER_REFUSAL = 256 * 1024  # then the rest is left unread until the end
MAX_PIPELINED = 32  # requests that wait for the answer to an earlier one
READ_SECONDS = 20  # in which a client has to read an answer that it does not read at once
PIECE_BYTES = 4096  # httptools keeps an unfinished header to itself: bounds are looked at between


class HttpProtocol(SlowedProtocol):
    """One connection. `authapi serve` uses it in every worker."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limit_concurrency = None  # uvicorn's answer is no JSON: `_make_room` does it
        self._bounds = bounds
        self._fields = 0
        self._idle_bytes = 0  # since the head began, or since the last byte of a body's content
        self._dropped_bytes = 0
        self._head_since = 0.0
        self._deadline = Deadline(self.loop, self._give_up)
        self._reader_timer: asyncio.TimerHandle | None = None
        self._unread_since: float | None = None  # the client reads this answer slowly
        self._sent_headers: list[tuple[bytes, bytes]] | None = None

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._runtime.connections.add("opened")
        self._head_since = self.loop.time()
        if self._has_room():
            self._set_deadline()
        else:
            self._refuse(Unavailable())

    def connection_lost(self, exc: Exception | None) -> None:
        self._runtime.connections.add("ended")
        self._deadline.stop()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._is_over:
            self._drop(data)
            return
        if self._reading is Reading.NOTHING and self._deadline.moment is None:
            self._head_since = self.loop.time()
        try:
            for start in range(0, len(data), PIECE_BYTES):
                if not self._is_over:
                    self._feed(data[start : start + PIECE_BYTES])
        except httptools.HttpParserError as error:
            self._refuse(rules.cause_of(error))
        except Refusal as refusal:
            self._refuse(refusal)
        if not self._is_over:
            self._set_deadline()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        if self._is_answering:
            self._waiting.pop(self, None)

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()  # `close` would wait for a client that reads nothing

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._require_short_pipeline()
        self._note_all_is_read()
        super().on_message_begin()
        self._reading = Reading.HEAD
        self._fields = self._idle_bytes = self._dropped_bytes = 0
        self._head_since = self.loop.time()

    def _require_short_pipeline(self) -> None:
        """Raise BadRequest if too much waits behind the answer that is under way."""
        heads = [list(cycle.scope["headers"]) for cycle, _ in self.pipeline]
        if (
            len(heads) >= MAX_PIPELINED
            or sum(map(len, heads)) > 2 * self._bounds.head_fields
            or sum(rules.head_bytes(b"", head) for head in heads) > self._bounds.head_bytes
        ):
            raise BadRequest("There are too many requests at once.")

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            raise UriTooLong

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if self._fields > self._bounds.head_fields:
            raise HeaderFieldsTooLarge
        # A trailer never becomes a header: a proxy has checked the headers only.
        if self._reading is Reading.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        if self._idle_bytes and rules.head_bytes(self.url, self.headers) > self._bounds.head_bytes:
            raise HeaderFieldsTooLarge
        rules.require_host(self.headers, version)
        if self.parser.should_upgrade():
            rules.require_no_tunnel(self.parser.get_method())
            return  # httptools takes this for the end of the request: see _feed_again
        if self._sent_headers is not None:
            self.headers[:], self._sent_headers = self._sent_headers, None
        rules.require_chunked(self.headers)
        self.url = rules.origin_form(self.url)
        self.expect_100_continue &= version != "1.0"
        super().on_headers_complete()
        self.cycle.keep_alive &= not self._is_last_call
        self._reading = Reading.BODY

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._idle_bytes = 0
        if self.cycle.response_complete:
            self._drop(body)

    def on_message_complete(self) -> None:
        if self._reading is Reading.BODY:
            self._reading = Reading.NOTHING
            self._head_since = self.loop.time()
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._note_all_is_read()
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_reader()
        elif not self._is_answering and not self._is_over:
            self._waiting[self] = None
            if self._reading is Reading.NOTHING:
                self._deadline.set(None)  # uvicorn's keep-alive time-out takes over

    # The size of what comes

    def _feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._feed_again(piece[upgrade.args[0] :])
            return
        self._idle_bytes += len(piece)
        if self._idle_bytes > self._bounds.head_bytes:
            raise HeaderFieldsTooLarge

    def _feed_again(self, rest: bytes) -> None:
        """Go on with a request for another protocol as if it had not asked (RFC 9110 section 7.8).

        httptools skips the body of such a request. So it gets the head again, without `Upgrade`.
        """
        head = rules.without_upgrade(self.parser, self.url, self.headers)
        self._sent_headers = self.headers
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._reading = Reading.NOTHING
        self.parser.feed_data(head)
        self._feed(rest)

    def _drop(self, content: bytes) -> None:
        self._dropped_bytes += len(content)
        if self._is_refused and self._dropped_bytes > MAX_DROPPED_AFTER_REFUSAL:
            self.flow.pause_reading()
        if self._dropped_bytes > MAX_DROPPED_BYTES:
            self._is_over = True
            self.transport.abort()

    # The time it takes

    def _set_deadline(self) -> None:
        is_answering = self._is_answering
        if self._reading is Reading.BODY:
            self._deadline.set(self.loop.time() + self._bounds.body_seconds)
        elif self._reading is Reading.HEAD or not is_answering:
            self._deadline.set(self._head_since + self._bounds.head_seconds)
        else:
            self._deadline.set(None)
        if is_answering and self._reading is not Reading.BODY and not self.flow.write_paused:
            self._waiting.pop(self, None)
        else:
            self._waiting.setdefault(self)

    def _give_up(self) -> None:
        """End a connection that has taken too long."""
        if self._reading is Reading.BODY and self.flow.read_paused:
            # We don't read, so the client can't send.
            self._deadline.set(self.loop.time() + self._bounds.body_seconds)
        elif not self._is_over:
            self._end(f"{self._reading.value} took too long")

    def _watch_reader(self) -> None:
        """Cut the connection if its client does not read an answer within READ_SECONDS."""
        if self.parser is None:
            return  # the connection is lost
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        self._waiting.setdefault(self)
        if self._unread_since is None:
            self._unread_since = self.loop.time()
        moment = self._unread_since + READ_SECONDS
        self._reader_timer = self.loop.call_at(moment, self.transport.abort)

    def _note_all_is_read(self) -> None:
        # Not while the last answer is on its way: its time goes on.
        if self.transport.get_write_buffer_size() == 0:
            self._unread_since = None

    # The end

    def _end(self, reason: str) -> None:
        """Take no more requests. An answer to an earlier one is still sent."""
        if self._is_answering and self._reading is not Reading.BODY:
            self._is_over = True
            self.cycle.keep_alive = False
        else:
            self._cut(reason)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and end the connection. Never before the answer to an earlier request."""
        if self._is_over:
            return
        is_of_body = self._reading is Reading.BODY
        if self._is_answering and is_of_body and not (self.pipeline or self.cycle.response_started):
            self.cycle.disconnected = True  # so what the application still says is dropped
            self.cycle.waiting_for_100_continue = False
            self.cycle.message_event.set()
        elif self._is_answering or is_of_body:
            self._end("malformed")
            return
        self._is_over = self._is_refused = True
        self._waiting.pop(self, None)
        log.info("connection_refused", error=refusal.code, ip=self._address)
        self._runtime.refusals.add(type(refusal).__name__)
        # Without a place for the connection, none can wait.
        if not isinstance(refusal, Unavailable) and self._must_wait(self._address or ""):
            self._start(self._tell_late(refusal))
        else:
            self._tell(refusal)
