"""A SQLite file that is none, or is damaged, or lies elsewhere: a sentence names the remedy.

The kind: the surroundings are not asked, or a stranger's state is taken for ours.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.attacks.conftest import Use
from tests.cli.conftest import Authapi

COMMANDS = [("migrate",), ("serve", "--port", "0"), ("users", "list"), ("keys", "list")]
each_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


def test_a_file_that_is_no_database_is_left_alone(
    tmp_path: Path, authapi: Authapi, use: Use
) -> None:
    file = tmp_path / "letter.db"
    file.write_text("Dear Ada, " * 500)
    use(f"sqlite:///{file}")
    for command in COMMANDS:
        assert "is not an SQLite database" in authapi(*command).sentence
    assert file.read_text() == "Dear Ada, " * 500


@each_command
def test_a_folder_is_no_file(
    command: tuple[str, ...], tmp_path: Path, authapi: Authapi, use: Use
) -> None:
    use(f"sqlite:///{tmp_path}")
    assert "is a folder" in authapi(*command).sentence


def test_a_damaged_file_is_said_so(tmp_path: Path, authapi: Authapi, use: Use) -> None:
    file = tmp_path / "authapi.db"
    use(f"sqlite:///{file}")
    assert authapi("migrate").status == 0
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert "is damaged" in authapi("users", "list").sentence


def test_a_link_to_a_database_is_followed(tmp_path: Path, authapi: Authapi, use: Use) -> None:
    link, target = tmp_path / "link.db", tmp_path / "elsewhere.db"
    use(f"sqlite:///{target}")
    assert authapi("migrate").status == 0
    link.symlink_to(target)
    use(f"sqlite:///{link}")
    assert authapi("users", "list").status == 0


def test_a_dead_link_is_no_database(tmp_path: Path, authapi: Authapi, use: Use) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "nowhere" / "authapi.db")
    use(f"sqlite:///{link}")
    assert "No such file or directory" in authapi("migrate").sentence


def test_the_log_of_a_removed_database_is_not_taken_for_that_of_a_new_one(
    tmp_path: Path, authapi: Authapi, use: Use
) -> None:
    file = tmp_path / "authapi.db"
    use(f"sqlite:///{file}")
    assert authapi("migrate").status == 0
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO stops VALUES ('u', 1, 0, 'x', 0)")
        connection.commit()
        shutil.copy(f"{file}-wal", tmp_path / "kept")
    file.unlink()
    shutil.copy(tmp_path / "kept", f"{file}-wal")
    assert authapi("migrate").status == 0
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT * FROM stops").fetchall() == []
