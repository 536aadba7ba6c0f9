"""A server that is told to stop waits for its requests; some of those wait for news."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def told_of_shutdown(stop_waiting: Callable[[], None]) -> Iterator[None]:
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
