"""The `authapi` command in this process: as quick as a function, as real as its arguments."""

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO

import pytest
import structlog

from authapi.cli import commands
from tests.support.settings import CHEAP_HASHES, SECRET, environment


@dataclass(frozen=True)
class Outcome:
    status: int
    output: str
    errors: str

    @property
    def sentence(self) -> str:
        """What a refusal says: exit status 1, nothing on stdout, one line on stderr."""
        assert (self.status, self.output) == (1, ""), self
        [line] = self.errors.splitlines()
        return line


Authapi = Callable[..., Outcome]


@pytest.fixture
def authapi(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Authapi]:
    """`authapi("users", "list", typed="…")`; `typed` is standard input."""

    def run(*arguments: str, typed: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["authapi", *arguments])
        monkeypatch.setattr(sys, "stdin", StringIO(typed))
        capsys.readouterr()  # what the test wrote before is not the command's
        try:
            commands.main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        return Outcome(status, *capsys.readouterr())

    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield run
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def configured(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name the test's database, a secret and cheap hashes in the environment; return its URL."""
    ours = environment(database_url=database_url, secret=SECRET, **CHEAP_HASHES)
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    return database_url
