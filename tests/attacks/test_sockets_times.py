"""The kind: a client that takes as long as it likes (issue 11, row 3)."""

from time import monotonic

from tests.attacks.conftest import MakeServer
from tests.support.sockets import connect, read_all, read_one, request, send


def test_the_time_for_an_unused_connection_is_an_option(make_server: MakeServer) -> None:
    server = make_server("--keep-alive", "1")
    began = monotonic()
    with connect(server, 5) as connection:
        send(connection, request("GET", "/healthz", close=False))
        assert read_one(connection).status == 200
        assert read_all(connection).is_closed
    assert 0.5 < monotonic() - began < 4
