"""docs/architecture.md names only files that exist, and every folder has its row."""

import re
from collections.abc import Iterator

import pytest

from tests.project.tree import ROOT

SOURCE = ROOT / "src" / "authapi"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LAYERS = "cli|web|services|db|crypto|config|verifier|tests|alembic|benchmarks|clients|packages"
PATH = re.compile(rf"`((?:{LAYERS})/[\w./]*)`")
NAME = re.compile(r"`([a-z][a-z_]*)`")
TREE = re.compile(r"^\| (?:`([\w/]+)/`|top) \|([^|\n]*)\|([^|\n]*)\|$", re.MULTILINE)


def rows_of_the_tree() -> Iterator[tuple[str, str]]:
    """Yield each folder with the cell that says what is in it."""
    section = PAGE.partition("## The tree")[2].partition("\n## ")[0]
    for folder, files, _later in TREE.findall(section):
        if files.strip():
            yield folder, files


def paths_in_prose() -> Iterator[str]:
    """Yield each path outside the tree; a line or row with "later" names what will be."""
    before, _, rest = PAGE.partition("## The tree")
    blocks = re.split(r"\n\n|\n(?=[|-])", before + rest.partition("\n## ")[2])
    for block in blocks:
        if not re.search(r"\b[Ll]ater\b", block):
            yield from PATH.findall(block)


def exists(path: str) -> bool:
    """Return whether it is a file or a folder, of the repository or of the source."""
    places = (ROOT / path, SOURCE / path, SOURCE / f"{path.lstrip('/')}.py")
    return any(place.exists() for place in places)


@pytest.mark.parametrize(("folder", "files"), list(rows_of_the_tree()))
def test_every_file_of_the_tree_exists(folder: str, files: str) -> None:
    named = [name for name in NAME.findall(files) if name not in {"begin", "connect"}]
    assert named
    missing = {f"{folder}/{name}" for name in named if not exists(f"{folder}/{name}")}
    assert missing == set()


def test_every_folder_of_the_source_has_its_row() -> None:
    modules = [path for path in SOURCE.rglob("*.py") if path.name != "__init__.py"]
    folders = {path.parent.relative_to(SOURCE).as_posix() for path in modules}
    named = {folder or "." for folder, _ in rows_of_the_tree()}
    assert folders - named == set()
    assert {f"{folder}/" for folder in named - folders} == set()


def test_every_path_in_the_prose_exists() -> None:
    paths = set(paths_in_prose())
    assert len(paths) > 50
    assert {path for path in paths if not exists(path)} == set()
