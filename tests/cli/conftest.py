"""The `authapi` command in this process: as fast as a function, with real arguments."""

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import TextIO

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
        """Return the sentence of a refusal: exit status 1, no output, one line of errors."""
        assert (self.status, self.output) == (1, ""), self
        [line] = self.errors.splitlines()
        return line


Authapi = Callable[..., Outcome]


@pytest.fixture
def authapi(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Authapi]:
    """Yield `authapi("users", "list", typed="…")`, where `typed` is standard input."""

    def run(*arguments: str, typed: str | TextIO | None = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["authapi", *arguments])
        monkeypatch.setattr(sys, "stdin", StringIO(typed) if isinstance(typed, str) else typed)
        capsys.readouterr()  # drop what the test itself has written before
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
