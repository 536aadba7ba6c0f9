"""`make example-…` as somebody types it in a clone: started, asked once, ended by Ctrl-C."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from tests.project.clone import copy_to, environment, furnish
from tests.support.server import START_TIMEOUT, STOP_TIMEOUT, free_port
from tests.support.until import until


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "a clone"
    copy_to(folder)
    furnish(folder)
    return folder


@contextmanager
def made(target: str, clone: Path, **variables: int) -> Iterator[subprocess.Popen[str]]:
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


def free_ports(count: int) -> int:
    """The first of so many in a row."""
    while True:
        first = free_port()
        if all(_is_free(first + more) for more in range(1, count)):
            return first


def _is_free(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}", trust_env=False, timeout=1)
    except httpx.ConnectError:
        return True
    return False


def test_make_example_spa(clone: Path) -> None:
    port = free_port()
    with made("example-spa", clone, PORT=port) as process:
        page = answer_of(process, f"http://localhost:{port}/", 200)
        assert '<script type="module" src="app.js">' in page.text
        assert answer_of(process, f"http://localhost:{port}/auth/readyz", 200)
        end(process)


def test_make_example_pages(clone: Path) -> None:
    port = free_port()
    with made("example-pages", clone, PORT=port) as process:
        page = answer_of(process, f"http://localhost:{port}/login", 200)
        assert "<h1>Log in</h1>" in page.text
        end(process)


def test_make_example_nginx(clone: Path) -> None:
    port = free_ports(3)
    with made("example-nginx", clone, PORT=port) as process:
        refused = answer_of(process, f"http://localhost:{port}/api/hello", 401)
        assert refused.headers["server"] == "nginx"
        assert refused.headers["www-authenticate"].startswith("Bearer")
        end(process)


def test_make_example_api(clone: Path) -> None:
    port, issuer_port = free_port(), free_port()
    with made("example-api", clone, PORT=port, ISSUER_PORT=issuer_port) as process:
        assert answer_of(process, f"http://localhost:{port}/api/data", 401)
        issuer = f"http://localhost:{issuer_port}"
        ada = {"email": "ada@example.com", "password": "correct horse battery staple"}
        answer_of(process, f"{issuer}/readyz", 200)
        httpx.post(f"{issuer}/register", json=ada, trust_env=False)
        named = {**ada, "resource": "reports"}
        pair = httpx.post(f"{issuer}/login", json=named, trust_env=False).json()
        url = f"http://localhost:{port}/api/data"
        data = answer_of(process, url, 200, pair["access_token"])
        assert data.json()["data"] == [3, 1, 4, 1, 5]
        end(process)
