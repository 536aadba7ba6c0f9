"""`make TARGET` as somebody types it in a clone: started, asked, ended by Ctrl-C."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx

from tests.project.clone import environment
from tests.support.server import START_TIMEOUT, STOP_TIMEOUT
from tests.support.until import until


@contextmanager
def made(target: str, clone: Path, **variables: object) -> Iterator[subprocess.Popen[str]]:
    """`make TARGET NAME=VALUE …`, in a session of its own as a terminal gives one."""
    arguments = [f"{name}={value}" for name, value in variables.items()]
    process = subprocess.Popen(
        ["make", target, *arguments],
        cwd=clone,
        env=environment(),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    try:
        yield process
    finally:
        if _is_anybody_left(process):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT)


def answer_of(
    process: subprocess.Popen[str], url: str, status: int, token: str = ""
) -> httpx.Response:
    """The first answer with that status: until all of them are up, others may come before."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    deadline = monotonic() + START_TIMEOUT
    while True:
        assert process.poll() is None, "it stopped by itself"
        try:
            answer = httpx.get(url, headers=headers, trust_env=False, timeout=5)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == status:
            return answer
        assert monotonic() < deadline, answer
        sleep(0.05)


def end(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, which the terminal sends to all of them. Nothing of it runs on."""
    os.killpg(process.pid, signal.SIGINT)
    process.wait(STOP_TIMEOUT)
    until(lambda: not _is_anybody_left(process), seconds=STOP_TIMEOUT)


def _is_anybody_left(process: subprocess.Popen[str]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
