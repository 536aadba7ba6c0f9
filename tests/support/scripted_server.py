"""A server on a socket that says what a script has, or says too little for ever."""

import socket
from threading import Thread
from time import sleep


class ScriptedServer:
    """Answers the first word of each line, once connected to; entering it gives its port.

    With `drip` it sends one byte after another and never ends its greeting.
    """

    def __init__(self, answers: dict[bytes, bytes], *, drip: bool = False) -> None:
        self._answers, self._drip = answers, drip
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(0.2)
            try:
                self._talk(connection)
            except OSError:
                return

    def _talk(self, connection: socket.socket) -> None:
        if self._drip:
            self._drip_for(connection, times=80)
            return
        connection.sendall(b"220 mail.test\r\n")
        connection.settimeout(10)
        for line in connection.makefile("rb"):
            word = line.split()[0].upper()
            connection.sendall(self._answers.get(word, b"250 OK\r\n"))

    def _drip_for(self, connection: socket.socket, times: int) -> None:
        for _ in range(times):
            connection.sendall(b"2")
            sleep(0.1)
