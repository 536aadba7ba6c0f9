"""A redis-server that keeps nothing on disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.harness.missing import program
from benchmarks.harness.processes import START_TIMEOUT, BenchmarkError, free_port, running


@contextmanager
def redis_server(core: int) -> Iterator[str]:
    """Its URL without a database's number. Raises NotMeasured."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="authapi-bench-") as folder:
        place = ["--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        command = [program("redis-server"), *place, "--save", "", "--appendonly", "no"]
        with running(command, core=core):
            _wait(port)
            yield f"redis://127.0.0.1:{port}"


def _wait(port: int) -> None:
    deadline = monotonic() + START_TIMEOUT
    with Redis(port=port) as client:
        while monotonic() < deadline:
            try:
                client.ping()
            except RedisError:
                sleep(0.02)
            else:
                return
    raise BenchmarkError("redis-server does not answer")
