"""A real server process on a free loopback port, stopped by SIGTERM."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

STARTS_WITHIN = 60  # seconds
STOPS_WITHIN = 15
LISTENING = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str

    def terminate(self) -> int:
        """SIGTERM, as an init system sends it; the exit status."""
        self.process.terminate()
        self.process.communicate(timeout=STOPS_WITHIN)
        return self.process.returncode


@contextmanager
def serving(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Iterator[Server]:
    """Run `command`, which asks for port 0, until it has said in its log where it listens."""
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield Server(process, _address(process))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    too_late = Timer(STARTS_WITHIN, process.kill)
    too_late.start()
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if found := LISTENING.search(line):
                return found[1]
    finally:
        too_late.cancel()
    raise AssertionError("It never listened:\n" + "".join(said))
