"""A database that is another program's, or not fit: a sentence, and nothing in it is changed.

The kind: the surroundings are not asked, or a stranger's state is taken for ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text

from authapi.config.values import database_url as normalized
from authapi.db import migrations
from tests.attacks.conftest import Use
from tests.cli.conftest import Authapi
from tests.support.postgresql import PostgreSQL

NEWEST = migrations.NEWEST_REVISION
DONE = "The database is at the newest migration.\n"
COMMANDS = [("migrate",), ("serve", "--port", "0"), ("users", "list"), ("keys", "list")]
each_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
# `serve` serves such a database, and does not end: tests/db/test_migrations.py.
but_serve = pytest.mark.parametrize("command", [one for one in COMMANDS if one[0] != "serve"])


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        rows = {
            name: [tuple(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))]
            for name in names
        }
    engine.dispose()
    return rows


# -- alembic_version


def test_the_version_of_another_program_is_not_ours(
    empty_url: str, authapi: Authapi, use: Use
) -> None:
    execute(
        empty_url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('0002')",
    )
    use(empty_url)
    assert authapi("migrate").output == DONE
    found = contents(empty_url)
    assert found["alembic_version"] == [("0002",)]
    assert found[migrations.VERSION_TABLE] == [(NEWEST,)]
    assert found["signing_keys"] == []


def as_the_last_release_left_it(url: str, revision: str = "head") -> None:
    migrations.upgrade(url, revision)
    execute(url, f"ALTER TABLE {migrations.VERSION_TABLE} RENAME TO alembic_version")
    if url.startswith("postgresql"):
        name = f"{migrations.VERSION_TABLE}_pkc"
        execute(url, f"ALTER TABLE alembic_version RENAME CONSTRAINT {name} TO alembic_version_pkc")


@pytest.mark.parametrize("revision", ["0001", "0004", NEWEST])
def test_a_database_of_the_last_release_is_taken_over(
    empty_url: str, revision: str, authapi: Authapi, use: Use
) -> None:
    as_the_last_release_left_it(empty_url, revision)
    execute(
        empty_url,
        "INSERT INTO users (id, email, email_canonical, password_hash, scopes, created_at)"
        " VALUES ('u', 'a@b.example', 'a@b.example', '', '', 0)"
        if revision == "0001"
        else "DELETE FROM users",
    )
    use(empty_url)
    assert authapi("migrate").output == DONE
    assert authapi("migrate").output == DONE
    found = contents(empty_url)
    assert found[migrations.VERSION_TABLE] == [(NEWEST,)]
    # The last release reads this one: a restart of it must not believe that it is behind.
    assert found["alembic_version"] == [(NEWEST,)]
    assert len(found["users"]) == (revision == "0001")


def test_what_the_last_release_left_is_served_as_it_is(
    empty_url: str, authapi: Authapi, use: Use
) -> None:
    as_the_last_release_left_it(empty_url)
    use(empty_url)
    assert authapi("users", "list").status == 0


@but_serve
def test_a_database_of_a_later_release_stays_as_it_is(
    command: tuple[str, ...], empty_url: str, authapi: Authapi, use: Use
) -> None:
    migrations.upgrade(empty_url)
    execute(empty_url, f"UPDATE {migrations.VERSION_TABLE} SET version_num = 'later'")
    before = contents(empty_url)
    use(empty_url)
    assert authapi(*command).status == 0
    assert contents(empty_url) == before


# -- Another program's tables


@each_command
@pytest.mark.parametrize("with_version", [False, True])
def test_the_users_of_another_program_are_left_alone(
    command: tuple[str, ...], with_version: bool, empty_url: str, authapi: Authapi, use: Use
) -> None:
    execute(empty_url, "CREATE TABLE users (name TEXT)", "INSERT INTO users VALUES ('Ada')")
    if with_version:
        execute(
            empty_url,
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
            f"INSERT INTO alembic_version VALUES ('{NEWEST}')",
        )
    before = contents(empty_url)
    file = Path(empty_url.removeprefix("sqlite:///"))
    header = file.read_bytes() if file.is_file() else b""
    use(empty_url)
    if empty_url.startswith("sqlite") or command == ("migrate",):
        sentence = authapi(*command).sentence
        assert "`users` of another program" in sentence
        assert "AUTHAPI_DATABASE_URL" in sentence
    else:
        assert "run `authapi migrate`" in authapi(*command).sentence
    assert contents(empty_url) == before
    assert not header or file.read_bytes() == header


def test_a_table_that_comes_later_is_in_the_way_of_a_later_migration(
    empty_url: str, authapi: Authapi, use: Use
) -> None:
    migrations.upgrade(empty_url, "0003")
    execute(empty_url, "CREATE TABLE stops (theirs TEXT)", "INSERT INTO stops VALUES ('x')")
    use(empty_url)
    assert "another program is in the way" in authapi("migrate").sentence
    found = contents(empty_url)
    assert found["stops"] == [("x",)]
    assert found[migrations.VERSION_TABLE] == [("0003",)]


# -- PostgreSQL


@contextmanager
def database(server: PostgreSQL, how: str = "") -> Iterator[str]:
    name = "authapi_strange"
    server.execute(f"CREATE DATABASE {name} {how}")
    try:
        yield server.url(name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@each_command
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf_8_is_refused(
    command: tuple[str, ...], encoding: str, postgresql: PostgreSQL, authapi: Authapi, use: Use
) -> None:
    how = f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
    with database(postgresql, how) as url:
        use(url)
        sentence = authapi(*command).sentence
        assert encoding in sentence
        assert "ENCODING 'UTF8'" in sentence
        with psycopg.connect(url) as connection:
            tables = "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            assert connection.execute(tables).fetchall() == []


def test_the_client_speaks_utf_8_whatever_its_surroundings_say(
    postgresql: PostgreSQL, authapi: Authapi, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with database(postgresql) as url:
        use(url)
        assert authapi("migrate").status == 0
        create = ("users", "create", "łódź@example.com", "--password-stdin")
        assert authapi(*create, typed="correct horse battery staple\n").status == 0
        assert "łódź@example.com" in authapi("users", "list").output


@pytest.fixture
def weak_role(postgresql: PostgreSQL) -> Iterator[str]:
    postgresql.execute("CREATE ROLE weak LOGIN")
    yield "weak"
    postgresql.execute("DROP ROLE weak")


def as_role(url: str, role: str) -> str:
    return url.replace("postgres:@", f"{role}@").replace("postgres@", f"{role}@")


def test_a_role_that_may_not_create_is_told_what_to_grant(
    postgresql: PostgreSQL, weak_role: str, authapi: Authapi, use: Use
) -> None:
    with database(postgresql) as url:
        use(as_role(url, weak_role))
        sentence = authapi("migrate").sentence
        assert f"GRANT CREATE, USAGE ON SCHEMA public TO {weak_role};" in sentence
        assert contents(normalized(url)) == {}


@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_a_role_that_may_not_write_is_told_what_to_grant(
    command: tuple[str, ...], postgresql: PostgreSQL, weak_role: str, authapi: Authapi, use: Use
) -> None:
    with database(postgresql) as url:
        migrations.upgrade(normalized(url))
        use(as_role(url, weak_role))
        assert "lacks a right" in authapi(*command).sentence
        execute(normalized(url), f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {weak_role}")
        sentence = authapi(*command).sentence
        assert f"ON ALL TABLES IN SCHEMA public TO {weak_role};" in sentence
        execute(normalized(url), f"DROP OWNED BY {weak_role}")


@each_command
def test_a_search_path_without_a_schema_is_said_so(
    command: tuple[str, ...], postgresql: PostgreSQL, authapi: Authapi, use: Use
) -> None:
    with database(postgresql) as url:
        use(f"{url}{'&' if '?' in url else '?'}options=-c%20search_path%3Dno_such_schema")
        said = authapi(*command).sentence
        assert "search_path" in said or "run `authapi migrate`" in said


def test_a_schema_of_its_own_beside_another_programs_tables(
    postgresql: PostgreSQL, authapi: Authapi, use: Use
) -> None:
    with database(postgresql) as url:
        execute(
            normalized(url),
            "CREATE TABLE users (name TEXT)",
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
            "INSERT INTO alembic_version VALUES ('0002')",
            "CREATE SCHEMA ours",
        )
        use(f"{url}{'&' if '?' in url else '?'}options=-c%20search_path%3Dours,public")
        assert authapi("migrate").output == DONE
        assert authapi("users", "list").status == 0
        assert contents(normalized(url)) == {"users": [], "alembic_version": [("0002",)]}


def test_postgresql_names_a_database_that_is_not_there(
    postgresql: PostgreSQL, authapi: Authapi, use: Use
) -> None:
    use(postgresql.url("no_such_database"))
    assert 'database "no_such_database" does not exist' in authapi("migrate").errors
