"""Whatever command comes first in an empty folder, all the others work after it."""

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Authapi
from tests.support.server import ServerProcess

CREATE = ("users", "create", "ada@example.com", "--password-stdin")
PASSWORD = "correct horse battery staple"


@pytest.mark.parametrize("first", [("migrate",), ("users", "list"), CREATE], ids=" ".join)
def test_a_command_that_makes_the_database_makes_its_secret_too(
    first: tuple[str, ...], authapi: Authapi, tmp_path: Path
) -> None:
    assert authapi(*first, typed=f"{PASSWORD}\n").status == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"authapi.db", "authapi.secret"}


def test_the_secret_is_for_its_owner_alone(authapi: Authapi, tmp_path: Path) -> None:
    authapi("migrate")
    assert stat.S_IMODE((tmp_path / "authapi.secret").stat().st_mode) == 0o600


def test_an_account_made_first_can_log_in_to_what_is_served_afterwards(
    authapi: Authapi, tmp_path: Path
) -> None:
    authapi(*CREATE, typed=f"{PASSWORD}\n")
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
