"""docs/operations.md: its commands start authapi, its lines are tested."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import psycopg
import yaml

from tests.project.test_shell_snippets import simple_commands
from tests.project.test_shown_answers import tools
from tests.project.tree import ROOT
from tests.support import pgbouncer
from tests.support.postgresql import PostgreSQL
from tests.support.server import Program, free_port
from tests.support.settings import CHEAP_HASHES, SECRET
from tests.support.snippets import shown

PAGE = "docs/operations.md"


def start(text: str, folder: Path, port: int) -> Program:
    """Return the last command of a script as a program, which has not started."""
    return Program(["bash", "-ec", text], folder, tools(**CHEAP_HASHES), port)


def test_it_starts_on_postgresql(postgresql: PostgreSQL, tmp_path: Path) -> None:
    (block,) = shown(PAGE, "sh", "Operations")
    port = free_port()
    with postgresql.database("template1") as name:
        places = {
            "postgresql://authapi:PASSWORD@db.internal/authapi?sslmode=verify-full": shlex.quote(
                postgresql.url(name)
            ),
            "SECRET=...": f"SECRET='{SECRET}'",
            "8000": str(port),
        }
        for place, here in places.items():
            assert place in block
            block = block.replace(place, here)
        with start(block, tmp_path, port) as server, server.client() as client:
            assert client.get("/readyz").status_code == 200


def test_it_starts_with_other_bounds(tmp_path: Path) -> None:
    (block,) = shown(PAGE, "sh", "Proxies that need more")
    port = free_port()
    server = start(f"{block.strip()} --port {port}", tmp_path, port)
    with server, server.client() as client:
        large = {"X-Large": "x" * 100 * 1024}
        assert client.get("/healthz", headers=large).status_code == 200


def test_pgbouncer_is_run_with_the_line_of_the_page() -> None:
    """tests/faults/test_pgbouncer.py runs it, and shows what happens without it."""
    (line,) = shown(PAGE, "ini", "PgBouncer")
    parser = ConfigParser()
    parser.read_string(f"[pgbouncer]\n{line}")
    assert dict(parser["pgbouncer"]) == {"ignore_startup_parameters": pgbouncer.IGNORED}


def test_the_sql_for_a_standby_names_what_postgresql_has(postgresql: PostgreSQL) -> None:
    """docs/faults.md. What it changes is the whole server's, so nothing of it is left."""
    settings, limit = shown("docs/faults.md", "sql", "A standby")
    (name,) = re.findall(r"ALTER SYSTEM SET (\w+) =", settings)
    with postgresql.database() as database, psycopg.connect(postgresql.url(database)) as server:
        found = server.execute("SELECT 1 FROM pg_settings WHERE name = %s", [name]).fetchone()
        assert found == (1,)
        server.execute("CREATE ROLE authapi")
        server.execute(limit)
        server.rollback()


def test_the_commands_for_compose_name_its_services() -> None:
    """Docker isn't run here: the services, the database and its user are compose.yaml's."""
    compose: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    (block,) = shown(PAGE, "sh", "Compose")
    commands = [words for words in simple_commands(block.replace("<", "|")) if words]
    named = {word for words in commands for word in words if word in compose["services"]}
    assert named == {"authapi-1", "authapi-2", "postgres"}
    assert all(words[:2] == ["docker", "compose"] for words in commands if words[0] == "docker")
