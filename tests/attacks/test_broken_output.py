"""A command that has done its work has succeeded, whatever becomes of its output.

Kind: a side effect after the point of no return fails the call. What is for the screen or for the
log decides nothing.
"""

import os
import pty
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import click
import pytest

from authapi.cli import commands
from tests.support.server import AUTHAPI
from tests.support.settings import CHEAP_HASHES, SECRET, environment

PASSWORD = "correct horse battery staple"
ADA, EVE = "ada@example.com", "eve@example.com"
ENVIRONMENT = environment(secret=SECRET, **CHEAP_HASHES)
TIMEOUT = 120  # seconds; the machine may be busy

Output = Callable[[], int]  # a descriptor to write to


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def gone_terminal() -> int:
    controller, terminal = pty.openpty()
    os.close(controller)
    return terminal


BROKEN: list[Output] = [closed_pipe, full_disk, gone_terminal]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")


def authapi(
    folder: Path,
    *arguments: str,
    output: int = subprocess.DEVNULL,
    errors: int = subprocess.DEVNULL,
    **variables: str,
) -> int:
    """Return the exit status of a command in a process of its own."""
    done = subprocess.run(
        [AUTHAPI, *arguments],
        cwd=folder,
        env={**ENVIRONMENT, **variables},
        input=f"{PASSWORD}\n".encode(),
        stdout=output,
        stderr=errors,
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode


def found(folder: Path, query: str) -> object:
    with closing(connect(folder / "authapi.db")) as database:
        return database.execute(query).fetchone()[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database, an account, a key, a factor, a mail and an old event."""
    folder = tmp_path_factory.mktemp("made")
    assert authapi(folder, "migrate") == 0
    assert authapi(folder, "users", "create", ADA, "--password-stdin") == 0
    assert authapi(folder, "keys", "rotate", "--now") == 0
    (folder / "users.jsonl").write_text(f'{{"email": "{EVE}"}}')
    with closing(connect(folder / "authapi.db")) as database, database:
        database.execute("INSERT INTO outbox (id, kind, created_at) VALUES ('m', 'x', 1)")
        database.execute(
            "INSERT INTO factors (id, user_id, kind, created_at, confirmed_at)"
            " SELECT 'f', id, 'identity', 1, 1 FROM users"
        )
        database.execute("INSERT INTO events (id, type, at, details) VALUES ('e', 'old', 1, '{}')")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "copy")


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> Iterator[int]:
    descriptor = request.param()
    yield descriptor
    os.close(descriptor)


CREATE = ("users", "create", EVE, "--password-stdin")
USERS = "SELECT count(*) FROM users"


@needs_full
@pytest.mark.parametrize("broken", BROKEN, indirect=True, ids=lambda make: make.__name__)
@pytest.mark.parametrize("has_errors", [True, False], ids=["stderr too", "stdout"])
def test_an_account_is_made_where_nobody_can_be_told(
    folder: Path, broken: int, *, has_errors: bool
) -> None:
    errors = broken if has_errors else subprocess.DEVNULL
    assert authapi(folder, *CREATE, output=broken, errors=errors) == 0
    assert found(folder, USERS) == 2


def test_an_account_is_made_by_a_process_without_output(folder: Path) -> None:
    """`>&- 2>&-`: a file that is opened next must not take their numbers, either."""
    command = ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', str(AUTHAPI), *CREATE]
    done = subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        input=PASSWORD,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0
    assert found(folder, "PRAGMA integrity_check") == "ok"
    assert found(folder, USERS) == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_account_is_made_where_the_encoding_lacks_its_letters(
    folder: Path, encoding: str
) -> None:
    command = ("users", "create", "жук@example.com", "--password-stdin")
    assert authapi(folder, *command, PYTHONIOENCODING=encoding) == 0
    assert found(folder, USERS) == 2
    assert authapi(folder, "users", "list", PYTHONIOENCODING=encoding) == 0


@needs_full
def test_what_was_done_is_told_on_stderr_where_stdout_takes_nothing(folder: Path) -> None:
    with (folder / "errors").open("wb") as errors, Path("/dev/full").open("wb") as full:
        status = authapi(folder, *CREATE, output=full.fileno(), errors=errors.fileno())
    assert status == 0
    assert f"Created {EVE} with the id" in (folder / "errors").read_text()


DONE = {
    ("users", "disable", ADA): "SELECT disabled_at IS NOT NULL FROM users",
    ("users", "enable", ADA): "SELECT disabled_at IS NULL FROM users",
    ("users", "sign-out", ADA): "SELECT 1",
    ("users", "scopes", ADA, "--scope", "read"): "SELECT scopes = 'read' FROM users",
    ("users", "set-password", ADA, "--password-stdin"): "SELECT version > 0 FROM users",
    ("users", "set-email", ADA, "countess@example.com"): "SELECT version > 0 FROM users",
    ("users", "factors", ADA, "reset"): "SELECT version > 0 FROM users",
    ("users", "delete", ADA): "SELECT count(*) = 0 FROM users",
    ("users", "import", "users.jsonl"): "SELECT count(*) = 2 FROM users",
    ("keys", "rotate"): "SELECT count(*) = 2 FROM signing_keys",
    ("keys", "compromised", "KID"): "SELECT compromised_at IS NOT NULL FROM signing_keys",
    ("keys", "reseal"): "SELECT 1",
    ("mail", "retry"): "SELECT next_try_at > 1 FROM outbox",
    ("purge",): "SELECT count(*) = 0 FROM events WHERE type = 'old'",
    ("migrate",): "SELECT 1",
}


@needs_full
@pytest.mark.parametrize("command", DONE, ids=" ".join)
def test_every_command_succeeds_once_it_has_done_its_work(
    command: tuple[str, ...], folder: Path
) -> None:
    kid = str(found(folder, "SELECT kid FROM signing_keys"))
    arguments = [kid if each == "KID" else each for each in command]
    with Path("/dev/full").open("wb") as full:
        status = authapi(folder, *arguments, output=full.fileno(), errors=full.fileno())
    assert status == 0
    assert found(folder, DONE[command])


SHOWN = [
    ("users", "list"),
    ("users", "show", ADA),
    ("users", "factors", ADA, "list"),
    ("keys", "list"),
    ("mail", "list"),
    ("config",),
    ("doctor",),
]


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
def test_a_list_whose_reader_has_seen_enough_ends_quietly(
    command: tuple[str, ...], folder: Path
) -> None:
    with (folder / "errors").open("wb") as errors:
        pipe = closed_pipe()
        status = authapi(folder, *command, output=pipe, errors=errors.fileno())
        os.close(pipe)
    assert status == 0
    assert (folder / "errors").read_text() == ""


@needs_full
@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
def test_a_list_that_was_not_written_is_said_to_be_missing(
    command: tuple[str, ...], folder: Path
) -> None:
    with (folder / "errors").open("wb") as errors, Path("/dev/full").open("wb") as full:
        status = authapi(folder, *command, output=full.fileno(), errors=errors.fileno())
    assert status == 1
    expected = "The output can't be written: No space left on device.\n"
    assert (folder / "errors").read_text() == expected


def names(group: click.Group) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in names(command))
        else:
            yield name


def test_every_command_is_tried_here() -> None:
    tried = [" ".join(command) for command in (*DONE, *SHOWN, CREATE)]
    untried = [name for name in names(commands.authapi) if not " ".join(tried).count(name)]
    assert untried == ["serve"]  # tests/attacks/test_broken_log.py
