"""Before it serves or changes anything: one sentence on stderr, status 1, and nothing touched."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from authapi.db.database import Database
from tests.cli.conftest import Authapi
from tests.support.api import Api
from tests.support.postgresql import PostgreSQL
from tests.support.settings import SECRET

COMMANDS = [
    ("migrate",),
    ("users", "list"),
    ("users", "disable", "ada@example.com"),
]
BEHIND = "The database schema is behind this release: run `authapi migrate`."


@pytest.fixture
def empty_postgresql(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with postgresql.database(template="template1") as name:
        monkeypatch.setenv("AUTHAPI_DATABASE_URL", postgresql.url(name))
        monkeypatch.setenv("AUTHAPI_SECRET", SECRET)
        yield


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.usefixtures("empty_postgresql")
@pytest.mark.parametrize("command", [("serve", "--port", "0"), *COMMANDS[1:]], ids=" ".join)
def test_a_postgresql_without_the_schema_is_nothing_to_work_on(
    command: tuple[str, ...], authapi: Authapi
) -> None:
    assert authapi(*command).sentence == BEHIND


@pytest.mark.usefixtures("empty_postgresql")
def test_migrate_brings_postgresql_to_the_newest_migration(authapi: Authapi) -> None:
    outcome = authapi("migrate")
    assert (outcome.status, outcome.errors) == (0, "")
    assert outcome.output == "The database is at the newest migration.\n"
    assert authapi("users", "list").status == 0


@pytest.mark.usefixtures("empty_postgresql")
def test_migrating_postgresql_needs_no_secret(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTHAPI_SECRET")
    assert authapi("migrate").status == 0


@pytest.mark.usefixtures("empty_postgresql")
def test_serving_postgresql_without_a_secret_says_how_to_make_one(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTHAPI_SECRET")
    sentence = authapi("serve").sentence
    assert sentence.startswith("AUTHAPI_SECRET is missing")
    assert "python" in sentence


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_out_of_reach_is_said_without_its_password(
    command: tuple[str, ...], authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://authapi:hunter2@127.0.0.1:{closed_port()}/authapi"
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", url)
    outcome = authapi(*command)
    assert (outcome.status, outcome.output) == (1, "")
    assert "can't be reached" in outcome.errors.splitlines()[-1]
    assert "hunter2" not in outcome.errors
    assert "Traceback" not in outcome.errors


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_is_not_there_is_said_so(
    command: tuple[str, ...], authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", "sqlite:///no/such/folder/a.db")
    monkeypatch.setenv("AUTHAPI_SECRET", SECRET)
    makes_one = command == ("migrate",) or command[:2] == ("users", "create")
    words = "can't be reached" if makes_one else "There is no database at"
    assert words in authapi(*command).sentence


@pytest.mark.usefixtures("configured")
def test_another_secret_opens_nothing_and_overwrites_nothing(
    authapi: Authapi, api: Api, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = api.register_and_login()
    with db.connect() as connection:
        before = connection.execute(text("SELECT * FROM signing_keys")).all()
    monkeypatch.setenv("AUTHAPI_SECRET", SECRET[::-1])
    assert "AUTHAPI_SECRET does not open" in authapi("serve", "--port", "0").errors
    with db.connect() as connection:
        assert connection.execute(text("SELECT * FROM signing_keys")).all() == before
    assert api.verify(tokens) == 204


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_said_before_anything_is_made(
    workers: str, authapi: Authapi, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = authapi("serve", "--port", str(port), "--workers", workers).sentence
    assert sentence.startswith(f"authapi can't listen on 127.0.0.1:{port}: Address already in use.")
    assert not (tmp_path / "authapi.db").exists()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_said_so(host: str, authapi: Authapi) -> None:
    assert authapi("serve", "--host", host).sentence.startswith("authapi can't listen on ")


@pytest.mark.parametrize("option", [("--port", "65536"), ("--port", "x"), ("--workers", "0")])
def test_a_number_out_of_range_is_wrong_usage(option: tuple[str, str], authapi: Authapi) -> None:
    assert authapi("serve", *option).status == 2


def test_a_setting_that_is_unknown_is_named(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_SECRETT", "x")
    assert "AUTHAPI_SECRETT" in authapi("migrate").sentence


def test_every_problem_of_the_settings_is_told_at_once_and_no_value(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_SECRET", "hunter2")
    monkeypatch.setenv("AUTHAPI_ACCESS_TOKEN_TTL", "soon")
    outcome = authapi("config")
    assert (outcome.status, outcome.output) == (1, "")
    assert [line.split()[0] for line in outcome.errors.splitlines()] == [
        "AUTHAPI_SECRET",
        "AUTHAPI_ACCESS_TOKEN_TTL",
    ]
    assert "hunter2" not in outcome.errors


@pytest.mark.parametrize("command", [("serve",), ("config",), *COMMANDS], ids=" ".join)
def test_no_command_talks_to_a_store_that_anybody_can_be(
    command: tuple[str, ...], authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_REDIS_URL", "redis://:hunter2@cache")
    sentence = authapi(*command).sentence
    assert sentence.startswith("AUTHAPI_REDIS_URL has to begin with rediss:// unless")
    assert "hunter2" not in sentence
