"""The first command in an empty folder: `users create`, `migrate` and `serve` make a database."""

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Authapi
from tests.support.server import ServerProcess

CREATE = ("users", "create", "ada@example.com", "--password-stdin")
PASSWORD = "correct horse battery staple"


OTHERS = [
    ("users", "list"),
    ("users", "disable", "ada@example.com"),
    ("users", "set-password", "ada@example.com", "--password-stdin"),
    ("keys", "list"),
    ("mail", "list"),
    ("purge",),
    ("keys", "rotate"),
    ("keys", "compromised", "a-key"),
    ("keys", "reseal"),
]


def test_the_command_that_makes_the_database_makes_its_secret_too(
    authapi: Authapi, tmp_path: Path
) -> None:
    assert authapi("migrate").status == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"authapi.db", "authapi.secret"}


def test_the_first_account_comes_with_a_database_and_is_told_where(
    authapi: Authapi, tmp_path: Path
) -> None:
    made = authapi(*CREATE, typed=f"{PASSWORD}\n")
    assert made.status == 0
    assert f"a new one was made: {tmp_path}/authapi.db" in made.errors
    again = authapi("users", "create", "eve@example.com", "--password-stdin", typed=f"{PASSWORD}\n")
    assert "a new one was made" not in again.errors


@pytest.mark.parametrize("first", OTHERS, ids=" ".join)
def test_any_other_command_says_that_there_is_no_database_and_makes_none(
    first: tuple[str, ...], authapi: Authapi, tmp_path: Path
) -> None:
    sentence = authapi(*first, typed=f"{PASSWORD}\n").sentence
    assert sentence.startswith(f"There is no database at {tmp_path}/authapi.db.")
    assert list(tmp_path.iterdir()) == []


def test_the_secret_is_for_its_owner_alone(authapi: Authapi, tmp_path: Path) -> None:
    authapi("migrate")
    assert stat.S_IMODE((tmp_path / "authapi.secret").stat().st_mode) == 0o600


def test_an_account_made_first_can_log_in_to_what_is_served_afterwards(
    authapi: Authapi, tmp_path: Path
) -> None:
    authapi("migrate")
    assert authapi(*CREATE, typed=f"{PASSWORD}\n").status == 0
    with ServerProcess(tmp_path) as server, server.client() as client:
        body = {"email": "ada@example.com", "password": PASSWORD}
        assert client.post("/login", json=body).status_code == 200


def test_a_database_without_its_secret_gets_no_new_one(authapi: Authapi, tmp_path: Path) -> None:
    authapi("migrate")
    (tmp_path / "authapi.secret").unlink()
    assert "Put authapi.secret back" in authapi("users", "list").sentence
    assert not (tmp_path / "authapi.secret").exists()


def test_looking_at_the_settings_makes_no_file(authapi: Authapi, tmp_path: Path) -> None:
    authapi("config")
    assert list(tmp_path.iterdir()) == []
