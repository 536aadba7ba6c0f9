"""docs/migrate.md: each `authapi users import` of the page imports an export of its product.

The lines above it, which make the export, are other products' (tests/support/exports.py writes
what they write); tests/project/test_shell_snippets.py has bash read them.
"""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Authapi
from tests.support.databases import sqlite_only
from tests.support.exports import ADA, EXPORTS, HASH_CONFIG, bcrypt_of
from tests.support.snippets import SNIPPETS, Snippet, shown

PAGE = "docs/migrate.md"
OWN = "authapi"
BLOCKS = [snippet for snippet in SNIPPETS if (snippet.page, snippet.language) == (PAGE, "sh")]
pytestmark = [sqlite_only, pytest.mark.usefixtures("configured")]


def imports(block: Snippet) -> list[list[str]]:
    """Return the arguments of each `authapi users import` of a block."""
    lines = [line for line in block.text.splitlines() if line.startswith("authapi ")]
    found = [shlex.split(line, comments=True)[1:] for line in lines]
    assert all(words[:2] == ["users", "import"] for words in found)
    return found


def product_of(arguments: list[str]) -> str:
    return arguments[arguments.index("--from") + 1] if "--from" in arguments else OWN


def export_for(arguments: list[str]) -> str:
    """Return what the product writes: JSON, or CSV where the file's name says so."""
    texts = [e.text for e in EXPORTS.values() if e.product == product_of(arguments)]
    is_csv = arguments[2].endswith(".csv")
    return next((text for text in texts if (text.lstrip()[0] not in "[{") == is_csv), texts[0])


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.heading}:{block.line}")
def test_each_command_imports_the_export(authapi: Authapi, block: Snippet, tmp_path: Path) -> None:
    commands = imports(block)
    assert commands
    (tmp_path / "hash_config.txt").write_text(HASH_CONFIG)
    for arguments in commands:
        (tmp_path / arguments[2]).write_text(export_for(arguments), encoding="utf-8")
        outcome = authapi(*arguments)
        assert (outcome.status, outcome.errors) == (0, "")
        assert re.search(r"imported|already here", outcome.output)


def test_the_page_has_each_product() -> None:
    named = {product_of(arguments) for block in BLOCKS for arguments in imports(block)}
    assert named == {export.product for export in EXPORTS.values()}


def test_a_line_of_your_own_is_imported(authapi: Authapi, tmp_path: Path) -> None:
    (line,) = shown(PAGE, "json")
    whole = line.replace("$2b$12$...", bcrypt_of(b"a password"))
    assert json.loads(whole)["email"] == ADA
    (tmp_path / "users.jsonl").write_text(whole)
    assert authapi("users", "import", "users.jsonl").output == "1 imported.\n"


def test_refusals_are_told_in_the_words_of_the_page(authapi: Authapi, tmp_path: Path) -> None:
    """The page shows a large import. This one has a user of each of its kinds."""
    (told,) = [text for text in shown(PAGE, "text") if text.startswith("user ")]
    secret = {"secretData": json.dumps({"value": "", "salt": ""})}
    unknown = {"type": "password", **secret, "credentialData": json.dumps({"algorithm": "x"})}
    users = [
        *json.loads(EXPORTS["keycloak sha256"].text)["users"],
        {"username": "a", "email": "no address"},
        {"username": "b", "email": "b@example.com", "credentials": [unknown]},
    ]
    (tmp_path / "users.json").write_text(json.dumps({"users": users}))
    outcome = authapi("users", "import", "users.json", "--from", "keycloak")
    assert outcome.status == 1
    said = (outcome.errors + outcome.output).splitlines()
    assert sorted(map(without_numbers, said)) == sorted(map(without_numbers, told.splitlines()))


def without_numbers(line: str) -> str:
    return re.sub(r"\d+", "N", line)
