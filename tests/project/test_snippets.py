"""The Python and the shell of the docs run as they stand.

A block of docs/fastapi.md and docs/testing.md is a file, which its first line names. Together they
are one folder, whose tests pass.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.project.tree import ROOT
from tests.support.server import Program, free_port
from tests.support.settings import environment
from tests.support.tour import run_in_bash, steps_of

PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (\w+\.py)\n")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def files() -> dict[str, str]:
    blocks = [
        block for name in ("fastapi.md", "testing.md") for block in PYTHON.findall(page(name))
    ]
    named = {match[1]: block for block in blocks if (match := FILE.match(block))}
    assert len(named) == len(blocks), "each block is a file, and has its name in the first line"
    return named


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_tests_of_the_pages_pass(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(folder.glob("authapi.*")), "a test has written beside the application"


def test_each_file_of_tests_has_some_that_run(folder: Path) -> None:
    tests = {name for name in files() if name.startswith("test_")}
    assert tests
    assert {name for name, text in files().items() if "\ndef test_" in text} == tests


def test_the_application_prints_what_the_page_says(folder: Path) -> None:
    port = free_port()
    main = folder / "main.py"
    main.write_text(main.read_text().replace(":8000", f":{port}"))
    command = (sys.executable, "-m", "uvicorn", "main:app", "--port", str(port))
    tools = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "TERM": "xterm", "HOME": str(folder)}
    with Program(command, folder, environment(), port, "/auth/readyz"):
        steps = steps_of(page("fastapi.md").replace(":8000", f":{port}"))
        printed = run_in_bash(steps, tools)
    assert len(printed) == len(steps) > 5
    for step, text in zip(steps, printed, strict=True):
        assert step.fits(text), f"$ {step.command}\nshould print\n{step.printed}\nnot\n{text}"


def test_the_pages_of_a_server_are_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for example in PYTHON.findall(page("browsers.md")):
        exec(compile(example, "docs/browsers.md", "exec"), names)

    async def ask() -> list[httpx.Response]:
        app, transport = names["app"], httpx.ASGITransport(names["app"])
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client,
        ):
            accepts_page = {"Accept": "text/html"}
            paths: dict[str, dict[str, str]] = {"/auth/readyz": {}, "/dashboard": accepts_page}
            return [await client.get(path, headers=headers) for path, headers in paths.items()]

    ready, dashboard = anyio.run(ask)
    assert ready.status_code == 200
    assert (dashboard.status_code, dashboard.headers["location"]) == (303, "/login?next=/dashboard")
