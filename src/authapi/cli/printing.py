"""What a command prints, and what becomes of it where it can't be printed.

  call  prints                a closed pipe  a full disk, a terminal that is gone
  say   what has been done    status 0       status 0; the sentence goes to stderr
  show  what was asked for    status 0       status 1

A character that the encoding lacks is escaped.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from typing import TextIO

import click

from authapi.errors import CommandError


def say(sentence: str) -> None:
    """Print what has been done. Raises nothing: nothing of it can be undone any more."""
    try:
        _write(sentence, sys.stdout)
    except BrokenPipeError:
        return
    except (OSError, ValueError):
        say_on_stderr(sentence)


def show(line: str) -> None:
    """Print a line of what the command is asked for. Raises CommandError if it can't be written.

    Raises click's Exit, with status 0, if its reader has seen enough.
    """
    try:
        _write(line, sys.stdout)
    except BrokenPipeError as error:
        raise click.exceptions.Exit(0) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"The output can't be written: {reason}.") from error


def say_on_stderr(sentence: str) -> None:
    """Print to stderr: a refusal, a greeting. Raises nothing."""
    with suppress(OSError, ValueError):
        _write(sentence, sys.stderr)


def _write(line: str, stream: TextIO | None) -> None:
    """Write and flush a line. Raises OSError, or ValueError for a stream that is closed."""
    if stream is None:  # the process was started without it
        raise ValueError("it is closed")
    encoding = stream.encoding or "utf-8"
    try:
        click.echo(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)
    except OSError:
        _let_go(stream)
        raise


def _let_go(stream: TextIO) -> None:
    """Lead it nowhere. Python flushes what is left at the exit, which would change the status."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, to be called with how many of `size` are done. Raises nothing."""
    terminal = _Progress()
    hidden = not (size and terminal.isatty())
    with click.progressbar(length=size, file=terminal, hidden=hidden) as bar:
        yield lambda done: bar.update(done - bar.pos)


class _Progress(StringIO):
    """stderr, for what may be lost."""

    def isatty(self) -> bool:
        try:
            return sys.stderr is not None and sys.stderr.isatty()
        except (OSError, ValueError):
            return False

    def write(self, text: str, /) -> int:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
        return len(text)
