"""Work on a thread of its own, from `start` to `stop`. It may be started again."""

from abc import ABC, abstractmethod
from threading import Event, Thread


class Background(ABC):
    """What does such work. `_run` has to return soon after `_stopping` is set."""

    def __init__(self, thread_name: str) -> None:
        self._thread_name = thread_name
        self._thread: Thread | None = None
        self._stopping = Event()

    def start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._thread_name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Wait until the work under way has ended."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self._thread = None
        self._stopping.clear()

    @abstractmethod
    def _run(self) -> None: ...
