"""The parent of `authapi serve --workers`: uvicorn's, which replaces workers that died.

uvicorn                                   here
asks a worker whether it lives, and       asks, and looks for the answer the next time: a worker
waits for the answer, up to a minute      that starts or died holds up nobody
keeps the listening socket until the      lets go of it at the signal: else the kernel accepts
last worker has ended                     connections that nobody ever answers
"""

from time import monotonic

from uvicorn import Config
from uvicorn.supervisors import multiprocess

from authapi.cli.draining_server import DrainingServer, take_no_more

TICK_SECONDS = 0.1  # less than the workers' HAND_OVER_SECONDS


class Worker(multiprocess.Process):
    _asked_at: float | None = None

    @property
    def server(self) -> DrainingServer:
        if self._server is None:
            self._server = DrainingServer(self.config)
            self._server.shares_socket = True
        assert isinstance(self._server, DrainingServer)
        return self._server

    def is_alive(self, timeout: float = 5) -> bool:
        """Return whether it runs, and has answered within `timeout` seconds. Never waits."""
        if not self.process.is_alive():
            return False
        try:
            while self.parent_conn.poll():
                self.parent_conn.recv()
                self._asked_at = None
            if self._asked_at is None:
                self.parent_conn.send(b"ping")
                self._asked_at = monotonic()
        except (OSError, EOFError):
            return False
        return monotonic() - self._asked_at < timeout


class Supervisor(multiprocess.Multiprocess):
    def run(self) -> None:
        self.init_processes()
        while not self.should_exit.wait(TICK_SECONDS):
            self.handle_signals()
            self.keep_subprocess_alive()
        for listening in self.sockets:
            take_no_more(listening)
            listening.close()
        self.terminate_all()
        self.join_all()


def supervise(config: Config) -> None:
    """Serve by `config.workers` processes until a signal."""
    multiprocess.Process = Worker  # type: ignore[misc]  # uvicorn has no other place to name it
    Supervisor(config, [config.bind_socket()]).run()
