"""The files of docs/react.md, and what its TypeScript says of them."""

import re

from tests.project.tree import ROOT

BLOCK = re.compile(r"(.*?)^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`(\w[\w.]*\.jsx?)`")


def _blocks() -> list[tuple[str, str, str]]:
    """Return each block: the prose before it, its language, its text."""
    return BLOCK.findall((ROOT / "docs" / "react.md").read_text(encoding="utf-8"))


def files() -> dict[str, str]:
    """Return each file: the last one that the prose before a block names."""
    named = [(FILE.findall(before), text) for before, _, text in _blocks()]
    return {names[-1]: text for names, text in named if names}


def block(beginning: str) -> str:
    """Return the block that begins with this."""
    [found] = [text for _, _, text in _blocks() if text.startswith(beginning)]
    return found


def in_typescript() -> dict[str, str]:
    """Return the files with each line of the page's difference, which must occur once."""
    [difference] = [text for _, language, text in _blocks() if language == "diff"]
    typed = {
        name.replace(".js", ".ts"): re.sub(r'(from "\./\w+\.)j', r"\1t", text)
        for name, text in files().items()
        if "config" not in name
    }
    parts = re.split(r"^(\w+\.tsx?)\n", difference, flags=re.MULTILINE)[1:]
    for name, changes in zip(parts[::2], parts[1::2], strict=True):
        for change in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n?)+)", changes, re.MULTILINE):
            before, after = (re.sub("^.", "", lines, flags=re.MULTILINE) for lines in change)
            assert typed[name].count(before) == 1, before
            typed[name] = typed[name].replace(before, after)
    return typed
