"""A real redis-server on loopback, which a test starts, freezes and stops."""

import shutil
import signal
import subprocess
from pathlib import Path
from time import monotonic, sleep

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.support.server import free_port

PROGRAM = shutil.which("redis-server")
START_TIMEOUT = 10.0  # seconds

needs_redis = pytest.mark.skipif(
    PROGRAM is None, reason="there is no redis-server here: apt-get install redis-server"
)


class RedisServer:
    """A Redis that stores nothing on disk: a stop loses its contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.client = Redis(port=self._port, socket_timeout=5)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        assert PROGRAM is not None
        limits = ("--maxmemory", "64mb", "--save", "", "--appendonly", "no")
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
