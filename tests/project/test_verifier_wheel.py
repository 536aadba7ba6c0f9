"""authapi-verifier: authapi.verifier in an environment that has nothing of the server."""

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.project.tree import ROOT
from tests.support.snippets import shown

pytestmark = pytest.mark.xdist_group("verifier-wheel")

SERVERS_OWN = ("fastapi", "sqlalchemy", "pydantic", "uvicorn", "alembic", "authapi.app")
VERIFY = """
from authapi.verifier import InvalidTokenError, Verifier
from authapi.verifier.testing import TokenFactory

tokens = TokenFactory()
assert tokens.verifier.verify(tokens.token("ada")).sub == "ada"
for name, token in tokens.bad_tokens().items():
    try:
        tokens.verifier.verify(token)
    except InvalidTokenError:
        continue
    raise AssertionError(name)
Verifier(issuer="https://auth.example", audience="authapi").status()  # and httpx is there
"""


def project(path: str) -> dict[str, Any]:
    table = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]
    assert isinstance(table, dict)
    return table


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run(
        [sys.executable, *build, str(ROOT / "packages/verifier")], check=True, capture_output=True
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of an empty environment, into which pip has put the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    interpreter = str(folder / "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "install", "--no-compile"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return interpreter


def run(python: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [python, "-I", "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_verifies_a_token_there(python: str, tmp_path: Path) -> None:
    finished = run(python, VERIFY, tmp_path)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("module", SERVERS_OWN)
def test_nothing_of_the_server_is_there(python: str, tmp_path: Path, module: str) -> None:
    assert "ModuleNotFoundError" in run(python, f"import {module}", tmp_path).stderr


def test_its_files_are_the_verifiers_and_no_others(wheel: Path) -> None:
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = (ROOT / "src").glob("authapi/verifier/**/*.py")
    ours = {path.relative_to(ROOT / "src").as_posix() for path in sources}
    assert packed == ours | {"authapi/verifier/py.typed"}


def test_it_has_authapis_version_and_asks_for_what_authapi_asks_for() -> None:
    alone, whole = project("packages/verifier/pyproject.toml"), project("pyproject.toml")
    assert alone["version"] == whole["version"]
    assert alone["requires-python"] == whole["requires-python"]
    assert set(alone["dependencies"]) <= set(whole["dependencies"])
    assert alone["dependencies"] == whole["optional-dependencies"]["verifier"]


def test_the_page_installs_it_by_its_name_and_extra() -> None:
    """docs/verifier.md: the package index doesn't have it yet, so the lines can't run."""
    (block,) = shown("docs/verifier.md", "sh")
    with (ROOT / "packages" / "verifier" / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    words = [shlex.split(line, comments=True) for line in block.splitlines()]
    extras = [f"{project['name']}[{extra}]" for extra in project["optional-dependencies"]]
    assert words == [["pip", "install", name] for name in (project["name"], *extras)]
