"""The locks: what pyproject.toml asks for, and nothing that anybody could swap."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.tree import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = PYPROJECT["project"]["dependencies"]
BUILD = PYPROJECT["build-system"]["requires"]
DEV = PYPROJECT["dependency-groups"]["dev"]
BROWSER = PYPROJECT["dependency-groups"]["browser"]
BENCH = PYPROJECT["dependency-groups"]["bench"]
AUDIT = PYPROJECT["dependency-groups"]["audit"]
CLIENTS = PYPROJECT["dependency-groups"]["clients"]
FUZZ = PYPROJECT["dependency-groups"]["fuzz"]
LOCKS = {
    "requirements.lock": RUNTIME,
    "requirements-build.lock": BUILD,
    "requirements-dev.lock": [*RUNTIME, *BUILD, *DEV],
    "requirements-browser.lock": BROWSER,
    "requirements-bench.lock": BENCH,
    "requirements-audit.lock": AUDIT,
    "requirements-clients.lock": CLIENTS,
    "requirements-fuzz.lock": FUZZ,
}
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+) \\\n(?P<hashes>(?: +--hash=.*\n)+)", re.M)
HASHES = re.compile(r"(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+")


def pins(lock: str) -> dict[str, str]:
    """Name to version. Each pin has its hashes, and there is nothing but pins and comments."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    rest = re.sub(r"^ *#.*\n", "", PIN.sub("", text), flags=re.M)
    assert rest.strip() == ""
    found = list(PIN.finditer(text))
    assert all(HASHES.fullmatch(pin["hashes"]) for pin in found)
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_pyproject_asks_for(lock: str) -> None:
    locked = pins(lock)
    wanted = [Requirement(text) for text in LOCKS[lock]]
    stale = [
        str(requirement)
        for requirement in wanted
        if locked.get(canonicalize_name(requirement.name)) is None
        or not requirement.specifier.contains(locked[canonicalize_name(requirement.name)])
    ]
    assert stale == [], "run: make lock"


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_what_its_packages_ask_for_on_each_python(lock: str, python: str) -> None:
    """pip takes nothing that isn't locked, and what the lock was made on need not be what runs."""
    locked = pins(lock)
    there = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    missing = {
        f"{name} asks for {requirement}"
        for name in locked
        for requirement in map(Requirement, requires(name) or [])
        if requirement.marker is None or requirement.marker.evaluate({**there, "extra": ""})
        if canonicalize_name(requirement.name) not in locked
    }
    assert missing == set(), "add it to BACKPORTS in the Makefile, then: make lock"


def test_the_locks_agree_with_each_other() -> None:
    everything = pins("requirements-dev.lock")
    for lock in ("requirements.lock", "requirements-build.lock"):
        assert pins(lock).items() <= everything.items()
    for lock in LOCKS.keys() - {"requirements.lock", "requirements-build.lock"}:
        beside = pins(lock)
        assert {name: beside[name] for name in beside.keys() & everything.keys()}.items() <= (
            everything.items()
        )


@pytest.mark.parametrize("name", ["requirements", "requirements-fastapi-users"])
def test_the_rivals_locks_hold_what_they_ask_for(name: str) -> None:
    """But for two packages, on the releases that authapi runs on."""
    wanted = (ROOT / f"benchmarks/rivals/{name}.in").read_text(encoding="utf-8").splitlines()
    asked = {canonicalize_name(Requirement(line).name) for line in wanted if line[0] != "#"}
    locked, ours = pins(f"benchmarks/rivals/{name}.lock"), pins("requirements.lock")
    assert asked <= locked.keys(), "run: make bench-lock"
    other = {package for package in locked.keys() & ours if locked[package] != ours[package]}
    assert other <= {"sqlalchemy", "email-validator"}


ELSEWHERE = {"tests": {"browser", "fuzz", "generators"}, "benchmarks": {"rivals"}}


def imported(folder: str) -> Iterator[str]:
    """The packages that the files of a folder import, but for Python's own and ours."""
    known = {*sys.stdlib_module_names, "authapi", "tests", "benchmarks", "hatch_build"}
    for path in (ROOT / folder).rglob("*.py"):
        if not ELSEWHERE.get(folder, set()).isdisjoint(path.parts):
            continue  # they have locks of their own
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            yield from {module.partition(".")[0] for module in modules} - known


@pytest.mark.parametrize(
    ("folder", "lock"),
    [
        ("src", "requirements.lock"),
        ("alembic", "requirements.lock"),
        ("examples/spa", "requirements.lock"),
        ("examples/pages", "requirements.lock"),
        ("tests", "requirements-dev.lock"),
        ("benchmarks", "requirements.lock requirements-bench.lock"),
        ("tests/browser", "requirements-dev.lock requirements-browser.lock"),
        ("tests/fuzz", "requirements-dev.lock requirements-fuzz.lock"),
    ],
)
def test_whatever_is_imported_is_locked(folder: str, lock: str) -> None:
    """What merely happens to be installed here would be missing in the next clone."""
    owners = packages_distributions()
    locked = {name for one in lock.split() for name in pins(one)}
    beside = {path.stem for path in (ROOT / folder).glob("*.py")}  # modules of the folder itself
    missing = {
        package
        for package in set(imported(folder)) - beside
        if not locked & {canonicalize_name(name) for name in owners.get(package, [package])}
    }
    assert missing == set(), "name it in pyproject.toml, then: make lock"


def test_make_audit_looks_every_lock_up() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [audited] = re.findall(r"^AUDITED := ((?:.*\\\n)*.*)$", makefile, re.M)
    assert set(audited.replace("\\\n", " ").split()) == {
        path.name for path in ROOT.glob("requirements*.lock")
    }
