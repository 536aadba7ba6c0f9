"""Rules about the files themselves: their names, and what no commit may contain."""

import re
from pathlib import Path

import pytest

from tests.project.tree import ROOT, own_files

SOURCES = sorted((ROOT / "src").rglob("*.py"))
# architecture: a name that says nothing draws everything in.
NAMELESS = {"utils", "util", "common", "helpers", "helper", "base", "core", "misc"}

# Written so that this file does not find itself.
REGISTRIES = re.compile(r"py[p]i\.org|python[h]osted\.org|--(extra-)?index-[u]rl|--find-[l]inks")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|root|farm|home|Users|tmp|opt/(wheels|pypi))/")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_module_has_a_name_that_says_nothing() -> None:
    nameless = [
        relative(path)
        for path in SOURCES
        if NAMELESS & {*path.relative_to(ROOT).with_suffix("").parts}
    ]
    assert nameless == []


@pytest.mark.parametrize("unwanted", [REGISTRIES, MACHINE_PATHS], ids=["registry", "machine path"])
def test_no_file_names_a_registry_or_a_path_of_one_machine(unwanted: re.Pattern[str]) -> None:
    lines = (
        (relative(path), number, line)
        for path in own_files()
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1)
    )
    assert [found for found in lines if unwanted.search(found[2])] == []
