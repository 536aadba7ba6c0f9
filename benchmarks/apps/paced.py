"""A client that asks every 5 ms, whatever happens.

`python -m benchmarks.apps.paced PORT COUNT [SECONDS between two requests]`

One connection, GET /verify with the header that comes on standard input. Prints each latency in
seconds as a JSON list. It counts from the moment at which the request was due: a request that waits
for the answer to the one before has waited all the same.
"""

import gc
import json
import socket
import sys
from time import perf_counter, sleep

INTERVAL = 0.005
SPIN = 0.0005  # sleep() wakes late: the rest is waited for awake


def main(port: int, count: int, header: str, interval: float = INTERVAL) -> list[float]:
    request = f"GET /verify HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _ask(connection, request)
        gc.disable()
        begin = perf_counter() + interval
        return [_latency(connection, request, begin + n * interval) for n in range(count)]


def _latency(connection: socket.socket, request: bytes, due: float) -> float:
    if (early := due - perf_counter()) > SPIN:
        sleep(early - SPIN)
    while perf_counter() < due:
        pass
    _ask(connection, request)
    return perf_counter() - due


def _ask(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):  # 204: there is no body
        more = connection.recv(65536)
        assert more, "the server hung up"
        answer += more
        assert answer.startswith(b"HTTP/1.1 204 "[: len(answer)]), answer


if __name__ == "__main__":
    every = [float(word) for word in sys.argv[3:]]
    latencies = main(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.readline().strip(), *every)
    json.dump(latencies, sys.stdout)
