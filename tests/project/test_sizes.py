"""The sizes that docs/architecture.md promises: of files, functions, calls, and of the whole."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.project.tree import ROOT

SOURCE = ROOT / "src" / "authapi"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE, MEDIAN_FILE = 300, 90  # lines
LONGEST_FUNCTION, MEDIAN_FUNCTION = 40, 12  # lines
MOST_PARAMETERS = MOST_POSITIONAL_ARGUMENTS = 5
LARGEST_CORE, LARGEST_SOURCE = 7_100, 30_600  # lines
# The core verifies, rotates and revokes: whoever trusts authapi reads these.
CORE = (
    *("verifier", "services/sessions", "services/keys", "services/revocation", "crypto"),
    *("db/sessions.py", "db/exchanges.py", "db/session_lookups.py", "db/session_cache.py"),
    *("db/signing_keys.py", "db/revocations.py"),
)
# Public constructors, whose options are keywords.
MAY_TAKE_MORE = {
    "client/auth.py AuthapiAuth.__init__",
    "verifier/verifier.py Verifier.__init__",
}
# Each argument of these is one more column, or one more condition.
SQL = {"select", "where"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    """Yield each function of a file with its name, as `file.py Class.method`."""
    tree = tree_of(path)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    owners = {id(node): f"{owner.name}." for owner in classes for node in owner.body}
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield f"{relative(path)} {owners.get(id(node), '')}{node.name}", node


def length(function: Function) -> int:
    """Return its lines, without decorators."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def parameters(function: Function) -> list[str]:
    """Return their names, keywords too, without `self` and `cls`."""
    taken = function.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return [name for name in names if name not in {"self", "cls"}]


def called(call: ast.Call) -> str:
    """Return the last word of the called name."""
    return ast.unparse(call.func).rpartition(".")[2]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_source_file_is_short_and_so_are_its_functions(path: Path) -> None:
    assert lines_of(path) <= LONGEST_FILE
    lengths = {name: length(function) for name, function in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_function_takes_few_parameters(path: Path) -> None:
    taken = {name: parameters(function) for name, function in functions(path)}
    many = {name for name, names in taken.items() if len(names) > MOST_PARAMETERS}
    assert many - MAY_TAKE_MORE == set()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_call_has_few_positional_arguments(path: Path) -> None:
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    long = [call for call in calls if len(call.args) > MOST_POSITIONAL_ARGUMENTS]
    assert [(call.lineno, called(call)) for call in long if called(call) not in SQL] == []


def test_most_files_and_functions_are_short() -> None:
    assert median(map(lines_of, FILES)) <= MEDIAN_FILE
    lengths = [length(function) for path in FILES for _, function in functions(path)]
    assert median(lengths) <= MEDIAN_FUNCTION


def test_the_core_stays_small_enough_to_be_read() -> None:
    places = [SOURCE / name for name in CORE]
    assert all(place.exists() for place in places)
    core = [path for path in FILES if any(path.is_relative_to(place) for place in places)]
    assert sum(map(lines_of, core)) < LARGEST_CORE


def test_the_source_does_not_grow() -> None:
    assert sum(map(lines_of, FILES)) <= LARGEST_SOURCE
