"""Who takes the files of SQLite finds nobody who deleted the account.

The kind: data that was deleted is out of the tables only. SQLite leaves it in free pages, and in
the write-ahead log until that is written over, which a quiet service never does.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from authapi.db.engines import sqlite
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.databases import sqlite_only
from tests.support.logging import captured
from tests.support.server import ServerProcess
from tests.support.settings import SERVER
from tests.support.until import until

pytestmark = sqlite_only

PERSON = "unmistakable.person@erased.example"
USERNAME = "unmistakable-name"
AGENT = "UnmistakableBrowser/1.0"
TRACES = [text.encode() for text in (PERSON, USERNAME, AGENT, "192.0.2.1")]


@pytest.fixture
def person(api: Api) -> Tokens:
    """Register and log in among others, and use the account."""
    for number in range(5):
        api.register_and_login(f"user-{number}@example.com")
    api.register(PERSON, username=USERNAME)
    body = {"email": PERSON, "password": PASSWORD}
    headers = {"User-Agent": AGENT}
    for _ in range(3):
        tokens = Tokens(api.expect(200, "POST", "/login", json=body, headers=headers).json())
    return api.refreshed(tokens.refresh)


def delete(api: Api, tokens: Tokens) -> None:
    body = {"password": PASSWORD}
    api.expect(204, "POST", "/me/delete", headers=tokens.bearer, json=body)


def left_behind(folder: Path, traces: list[bytes] = TRACES[:3]) -> set[str]:
    """Return the traces that a file of the database holds, with the file's name."""
    return {
        f"{path.name}: {trace.decode()}"
        for path in folder.glob("authapi.db*")
        for trace in traces
        if trace in path.read_bytes()
    }


@pytest.fixture
def reader(tmp_path: Path, person: Tokens) -> Iterator[sqlite3.Connection]:
    """Somebody who reads the state before the deletion, as a backup does."""
    with closing(sqlite3.connect(tmp_path / "authapi.db", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM users").fetchone()
        yield connection


def test_a_deleted_account_leaves_nothing_in_the_files(
    api: Api, person: Tokens, tmp_path: Path
) -> None:
    assert len(left_behind(tmp_path)) >= 3
    delete(api, person)
    assert left_behind(tmp_path) == set()


def test_nor_does_the_last_account_leave_an_address(api: Api, tmp_path: Path) -> None:
    tokens = api.register_and_login(PERSON)
    delete(api, tokens)
    assert left_behind(tmp_path, TRACES) == set()


def test_somebody_who_reads_an_older_state_does_not_stop_a_deletion(
    api: Api, person: Tokens, tmp_path: Path, reader: sqlite3.Connection
) -> None:
    began = monotonic()
    with captured("json") as log:
        delete(api, person)
    assert sqlite.ERASURE_WAIT_SECONDS <= 0.1
    assert monotonic() - began < 10
    assert log.event("erasure_waits")["level"] == "warning"
    assert PERSON not in log.text
    assert left_behind(tmp_path) != set()


def test_once_that_reader_is_gone_the_next_write_erases(
    api: Api, person: Tokens, tmp_path: Path, reader: sqlite3.Connection
) -> None:
    delete(api, person)
    reader.execute("COMMIT")

    def has_erased() -> bool:
        api.login("user-0@example.com")
        return left_behind(tmp_path) == set()

    until(has_erased, every=0.1)


def test_others_write_on_meanwhile(
    api: Api, person: Tokens, reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Path] = []
    empty = sqlite._has_emptied_wal

    def counted(path: Path) -> bool:
        tries.append(path)
        return empty(path)

    monkeypatch.setattr(sqlite, "_has_emptied_wal", counted)
    began = monotonic()
    delete(api, person)
    for _ in range(20):
        api.login("user-0@example.com")
    assert 1 <= len(tries) <= 2 + (monotonic() - began) / sqlite.ERASURE_PAUSE_SECONDS


def test_a_served_account_leaves_nothing_while_the_server_runs(
    tmp_path: Path, database_url: str
) -> None:
    settings = {**SERVER, "database_url": database_url}
    with ServerProcess(tmp_path, **settings) as server, server.client() as client:
        for email in (EMAIL, PERSON):
            body = {"email": email, "password": PASSWORD}
            assert client.post("/register", json=body).status_code == 201
            token = client.post("/login", json=body).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post("/me/delete", json={"password": PASSWORD}, headers=headers)
        assert answer.status_code == 204
        assert left_behind(tmp_path) == set()
        assert left_behind(tmp_path, [EMAIL.encode()]) != set()
