"""A real redis-server on loopback, which a test starts, freezes and stops."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from tests.support.server import free_port

PROGRAM = shutil.which("redis-server")
START_TIMEOUT = 60.0  # seconds
MAX_MEMORY = "64mb"

needs_redis = pytest.mark.skipif(
    PROGRAM is None, reason="there is no redis-server here: apt-get install redis-server"
)


class RedisServer:
    """A Redis that stores nothing on disk: a stop loses its contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.client = Redis(port=self._port, socket_timeout=30)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        assert PROGRAM is not None
        limits = ("--maxmemory", MAX_MEMORY, "--save", "", "--appendonly", "no")
        place = ("--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._folder))
        self._process = subprocess.Popen([PROGRAM, *place, *limits], stdout=subprocess.DEVNULL)
        deadline = monotonic() + START_TIMEOUT
        while not self._answers():
            assert monotonic() < deadline, "redis-server does not answer"
            sleep(0.01)

    def freeze(self) -> None:
        """Freeze it: it accepts connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no memory during the block. Redis evicts nothing, and refuses to write."""
        self.client.config_set("maxmemory", 1)
        try:
            with pytest.raises(OutOfMemoryError):
                self.client.set("more", "than it has")
            yield
        finally:
            self.client.config_set("maxmemory", MAX_MEMORY)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.client.close()
        self.stop()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
