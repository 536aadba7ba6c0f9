"""docs/verify-elsewhere.md: what needs no other program. The rest: tests/foreign_clients."""

import re

import pytest
import yaml

from tests.project.tree import ROOT
from tests.support.snippets import SNIPPETS, Snippet

NAME = "docs/verify-elsewhere.md"
PAGE = (ROOT / NAME).read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+)\n\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE))
YAML = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_example_says_whether_it_was_run(section: str) -> None:
    assert re.match(r"Tested with |Not run here|\[Behind nginx\]", SECTIONS[section])


def test_the_configuration_of_the_proxies_can_be_parsed() -> None:
    assert len(YAML) == 5  # Envoy has three
    for block in YAML:
        assert isinstance(yaml.safe_load(block), dict)


WRITTEN = [s for s in SNIPPETS if s.page == NAME and s.language in {"java", "csharp", "php"}]
CLOSING = {"(": ")", "[": "]", "{": "}"}


@pytest.mark.parametrize("snippet", WRITTEN, ids=str)
def test_what_is_not_run_names_what_authapi_says(snippet: Snippet) -> None:
    """Issuer, audience, algorithm and type: what a library must be told about our tokens."""
    for told in ("https://auth.example", "reports", "ES256"):
        assert told in snippet.text
    assert "at+jwt" in snippet.text or "createAtJwtValidator" in snippet.text
    if "jwks" in snippet.text:
        assert "/.well-known/jwks.json" in snippet.text
    plain = re.sub(r"//.*|'[^']*'|\"[^\"]*\"", "", snippet.text)
    for opening, closing in CLOSING.items():
        assert plain.count(opening) == plain.count(closing)
