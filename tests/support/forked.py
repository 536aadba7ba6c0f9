"""`authapi` in a process forked from one that has imported it, so that it starts faster.

Otherwise it is the installed command, which tests/cli and tests/project execute as it is.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from authapi.__main__ import main
from tests.support.server import ServerProcess

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["authapi.cli.commands", "authapi.cli.serve"])


class Forked:
    """A command of authapi, with the methods of subprocess.Popen that tests need."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        log_file: Path,
        typed: str = "",
    ) -> None:
        self._process = _FORKING.Process(
            target=_run, args=(arguments, folder, dict(environment), log_file, typed), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("authapi", timeout)
        return status


class ForkedServer(ServerProcess):
    """A server for tests of what servers do, and not of how the command starts."""

    def _launch(self) -> Forked:
        return Forked(
            *self._command[1:],
            folder=self._folder,
            environment=self._environment,
            log_file=self.log_file,
        )


def _run(
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    log_file: Path,
    typed: str,
) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with log_file.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdin = StringIO(typed)
    sys.argv = ["authapi", *arguments]
    main()
