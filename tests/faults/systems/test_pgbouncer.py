"""PgBouncer with transaction pooling before PostgreSQL: each transaction has another server.

The kind: session state assumed on a shared connection. What is set for a session there (time-outs,
prepared statements, LISTEN) is another client's, or nobody's.
"""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from authapi import clock
from authapi.config.values import database_url as normalized
from authapi.db.database import open_database
from authapi.db.engines.listener import Listener
from authapi.errors import Unavailable
from tests.support.forked import Forked
from tests.support.installation import ADA, Installation
from tests.support.pgbouncer import needs_pgbouncer, pooling, url_through
from tests.support.postgresql import PostgreSQL
from tests.support.refresh_rule import new_key
from tests.support.server import START_TIMEOUT
from tests.support.settings import SECRET, environment
from tests.support.until import until

pytestmark = needs_pgbouncer

THREADS = 12
ROUNDS = 8
SLOW_SECONDS = 60  # a statement that is cut off after 1.2
BOUND_SECONDS = 30.0  # a poll is a second; without it a token is good for 15 minutes
LIMITS = (
    "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
    " current_setting('idle_in_transaction_session_timeout')"
)
WANTED = ("1200ms", "1200ms", "2s")
PREPARED = "SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture(scope="module")
def name(postgresql: PostgreSQL) -> Iterator[str]:
    with postgresql.database() as name:
        yield name


@pytest.fixture(scope="module", params=[1, 2, 5])
def port(request: pytest.FixtureRequest, postgresql: PostgreSQL) -> Iterator[int]:
    with pooling(postgresql, size=request.param) as port:
        yield port


@pytest.fixture
def url(port: int, name: str) -> str:
    return normalized(url_through(port, name))


def run(command: str, url: str, folder: Path) -> tuple[int, str]:
    log = folder / "command.log"
    ours = environment(database_url=url, secret=SECRET)
    status = Forked(*command.split(), folder=folder, environment=ours, log_file=log).wait(
        START_TIMEOUT
    )
    return status, log.read_text()


def test_two_servers_do_all_their_work_through_it(
    port: int, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with postgresql.database(template="template1") as name:
        url = url_through(port, name)
        assert run("migrate", url, tmp_path) == (0, "The database is at the newest migration.\n")
        assert run("migrate", url, tmp_path)[0] == 0
        with Installation(tmp_path, url) as two:
            two.register()
            pair = two.log_in()
            for _ in range(ROUNDS):
                answer = two.refresh(pair)
                assert answer.status_code == 200, answer.text
                pair = answer.json()
            headers = {"Authorization": f"Bearer {pair['access_token']}"}
            for _ in range(ROUNDS):
                assert len(two.clients[1].get("/sessions", headers=headers).json()) == 1
            two.authapi("keys", "rotate", "--now")
            until(lambda: len(two.clients[1].get("/.well-known/jwks.json").json()["keys"]) == 2)
            two.authapi("users", "list")
            two.authapi("mail", "list")
            two.authapi("purge")
            two.log_out(pair["access_token"])
            until(lambda: two.verify(1, pair["access_token"]) == 401, seconds=BOUND_SECONDS)
            assert two.clients[0].get("/readyz").status_code == 200


def test_many_threads_at_once_get_right_answers(port: int, name: str, tmp_path: Path) -> None:
    def ask(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask again while no connection is free: of one connection, twelve wait for it."""
        while (answer := client.request(method, path, **more)).status_code == 503:
            assert answer.headers["Retry-After"]
        return answer

    def visit(two: Installation, number: int) -> list[int]:
        client = two.clients[number % 2]
        person = {**ADA, "email": f"{number}-{port}@example.com"}
        answers = [ask(client, "POST", "/register", json=person)]
        for _ in range(ROUNDS):
            answers.append(ask(client, "POST", "/login", json=person))
            pair = answers[-1].json()
            headers = {"Authorization": f"Bearer {pair['access_token']}"}
            answers.append(ask(client, "GET", "/me", headers=headers))
            answers.append(ask(client, "GET", "/sessions", headers=headers))
            assert answers[-1].json(), "a session that was just made is not in the list"
            again = {"refresh_token": pair["refresh_token"]}
            kept = {"Idempotency-Key": new_key()}
            answers.append(ask(client, "POST", "/refresh", json=again, headers=kept))
        return [answer.status_code for answer in answers]

    with (
        Installation(tmp_path, url_through(port, name)) as two,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        for statuses in threads.map(lambda number: visit(two, number), range(THREADS)):
            assert statuses == [201, *[200] * 4 * ROUNDS]


def test_each_statement_has_its_time_outs_and_leaves_none(
    url: str, postgresql: PostgreSQL, name: str
) -> None:
    with closing(open_database(url, clock.now)) as db:
        for _ in range(10):
            with db.begin() as tx:
                assert tuple(tx.execute(text(LIMITS)).one()) == WANTED
            with db.connect() as connection:
                assert tuple(connection.execute(text(LIMITS)).one()) == WANTED
                assert connection.scalar(text(PREPARED)) == 0
    with psycopg.connect(url_through(url_port(url), name), autocommit=True) as other:
        found = other.execute(LIMITS).fetchone()
    assert found == ("0", "0", "0")


def url_port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def test_a_slow_statement_is_cut_off(url: str) -> None:
    with closing(open_database(url, clock.now)) as db:
        began = monotonic()
        with pytest.raises(Unavailable), db.connect() as connection:
            connection.execute(text(f"SELECT pg_sleep({SLOW_SECONDS})"))
        assert monotonic() - began < SLOW_SECONDS / 2
        with db.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


def test_a_setting_of_the_url_holds_too(url: str) -> None:
    chosen = f"{url}?options=-c%20search_path%3Dpg_catalog,pg_temp%20--work_mem%3D5MB"
    with closing(open_database(chosen, clock.now)) as db, db.begin() as tx:
        assert tx.scalar(text("SELECT current_setting('search_path')")) == "pg_catalog,pg_temp"
        assert tx.scalar(text("SELECT current_setting('work_mem')")) == "5MB"


def test_what_is_written_outside_a_transaction_is_committed(url: str) -> None:
    statement = text("INSERT INTO released_names (name_digest, free_at) VALUES (:it, 0)")
    digest = secrets.token_hex(32)
    with closing(open_database(url, clock.now)) as db:
        with db.connect(to_write=True) as connection:
            connection.execute(statement, {"it": digest})
        with db.connect() as connection:
            found = text("SELECT count(*) FROM released_names WHERE name_digest = :it")
            assert connection.scalar(found, {"it": digest}) == 1


def test_nobody_listens_through_it_and_the_log_says_so_once(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Listener(url)) as listener:
        for _ in range(3):
            began = monotonic()
            listener.wait(0.05, Event())
            assert monotonic() - began < SLOW_SECONDS / 2
    said = "".join(capsys.readouterr())
    assert said.count("not_listening") == 1
    assert "a pooler is between" in said


@pytest.mark.parametrize("command", ["serve", "users list"])
def test_without_the_option_a_sentence_says_what_to_set(
    command: str, postgresql: PostgreSQL, name: str, tmp_path: Path
) -> None:
    with pooling(postgresql, ignored="extra_float_digits") as port:
        status, said = run(command, url_through(port, name), tmp_path)
    assert status == 1
    assert "ignore_startup_parameters = options" in said
    assert len([line for line in said.splitlines() if not line.startswith("{")]) == 1
