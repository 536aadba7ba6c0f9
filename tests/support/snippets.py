"""The fenced blocks of all pages, each with its page, line, heading and language."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.project.tree import ROOT

FOLDERS = (".", "docs", "clients/*", "examples/*", "packages/*", "benchmarks")
PAGES = tuple(
    sorted(path.relative_to(ROOT).as_posix() for f in FOLDERS for path in ROOT.glob(f"{f}/*.md"))
)
FENCE = re.compile(r"^ *```(.*)$")
HEADING = re.compile(r"^#+ (.+)$")


@dataclass(frozen=True)
class Snippet:
    page: str
    line: int
    heading: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} [{self.language}] below {self.heading!r}"


def snippets_of(page: str) -> list[Snippet]:
    """Return the blocks of a page, whose name is relative to the repository, in order."""
    found: list[Snippet] = []
    heading, block, opened = "", list[str](), ("", 0)
    text = (ROOT / page).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if match := FENCE.match(line):
            if opened[1]:
                language, begun = opened
                found.append(Snippet(page, begun, heading, language, "".join(block)))
            opened, block = (("", 0) if opened[1] else (match[1], number)), []
        elif opened[1]:
            block.append(f"{line}\n")
        elif title := HEADING.match(line):
            heading = title[1]
    assert not opened[1], f"{page}:{opened[1]}: the block has no end"
    return found


SNIPPETS = tuple(snippet for page in PAGES for snippet in snippets_of(page))


def shown(page: str, language: str, heading: str | None = None) -> list[str]:
    """Return the texts of a page's blocks of a language, below `heading` alone where it is given.

    Fails where there are none: a test that runs no block proves nothing.
    """
    found = [
        snippet.text
        for snippet in SNIPPETS
        if (snippet.page, snippet.language) == (page, language)
        and heading in (None, snippet.heading)
    ]
    assert found, f"{page} has no block in {language} below {heading!r}"
    return found


def place_of(name: str) -> tuple[Path, str]:
    """Return the file and the function of a test's name, as pytest writes it."""
    file, _, function = name.partition("::")
    return ROOT / file, function
