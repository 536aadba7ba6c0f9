"""A page that names a command of authapi says once where authapi is."""

import re

import pytest

from authapi.cli import commands
from tests.project.test_docs import TEXTS

COMMAND = re.compile(rf"(?<![\w/.-])authapi (?:{'|'.join(commands.authapi.commands)})\b")
PLACE = "deploy.md#where-authapi-is"
# The page that the others link to, and the record of what has changed.
EXEMPT = {"docs/deploy.md", "CHANGELOG.md"}
NAMING = [page for page in TEXTS if page not in EXEMPT and COMMAND.search(TEXTS[page])]


@pytest.mark.parametrize("page", NAMING)
def test_a_page_that_names_a_command_says_where_authapi_is(page: str) -> None:
    assert len(re.findall(rf"\]\((?:docs/)?{PLACE}\)", TEXTS[page])) == 1


def test_there_are_such_pages() -> None:
    assert len(NAMING) > 5
