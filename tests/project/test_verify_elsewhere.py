"""docs/verify-elsewhere.md: what needs no other program. The rest: tests/foreign_clients."""

import re

import pytest
import yaml

from tests.project.tree import ROOT

PAGE = (ROOT / "docs" / "verify-elsewhere.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+)\n\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE))
YAML = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_example_says_whether_it_was_run(section: str) -> None:
    assert re.match(r"Tested with |Not run here|\[Behind nginx\]", SECTIONS[section])


def test_the_configuration_of_the_proxies_can_be_parsed() -> None:
    assert len(YAML) == 4  # Envoy has two
    for block in YAML:
        assert isinstance(yaml.safe_load(block), dict)
