"""Runs the shell sessions of a page, in a real shell on a real terminal.

A page shows them as

    ```console
    $ a command, on one line
    what it prints, `…` standing for what is different each time
    ```
"""

import os
import pty
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from signal import SIGKILL
from threading import Timer

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
DIFFERENT = r"[\w.:+-]+"  # a token, an id, a date
END = "=== end of a command ==="
TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Step:
    command: str
    printed: str

    def fits(self, printed: str) -> bool:
        """Return whether this is what the page says; blank lines don't count."""
        pattern = re.escape(self.printed).replace("…", DIFFERENT)
        return re.fullmatch(pattern, without_blank_lines(printed)) is not None


def steps_of(page: str) -> list[Step]:
    """Return the commands of the page's console blocks, in order, with what they print."""
    steps = []
    for block in BLOCK.findall(page):
        before, *entries = re.split(r"^\$ ", block, flags=re.MULTILINE)
        assert not before, "a console block begins with a command"
        for entry in entries:
            command, _, printed = entry.partition("\n")
            steps.append(Step(command, without_blank_lines(printed)))
    return steps


def run_in_bash(steps: list[Step], environment: Mapping[str, str]) -> list[str]:
    """Run all commands in one shell; return what each prints on a terminal, without colours."""
    script = "\n".join(f"{step.command}\necho '{END}'" for step in steps)
    text = COLOUR.sub("", _on_a_terminal(["bash", "-c", script], environment))
    return text.replace("\r", "").split(f"{END}\n")[:-1]


def _on_a_terminal(command: list[str], environment: Mapping[str, str]) -> str:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        limit = Timer(TIMEOUT, os.killpg, (process.pid, SIGKILL))
        limit.start()
        chunks = []
        with suppress(OSError):  # Linux's way to say that nobody holds the other end any more
            while chunk := terminal.read(4096):
                chunks.append(chunk)
        status = process.wait()
        limit.cancel()
    printed = b"".join(chunks).decode()
    assert status == 0, printed
    return printed


def without_blank_lines(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip())
