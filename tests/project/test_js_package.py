"""clients/js/package.json says what is true of the whole repository."""

import json
import tomllib

from tests.project.tree import ROOT

FOLDER = ROOT / "clients" / "js"
PACKAGE = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))


def test_the_client_has_the_servers_version_and_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (PACKAGE["version"], PACKAGE["license"]) == (project["version"], project["license"])
    assert (FOLDER / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_it_brings_no_other_package() -> None:
    assert not {name for name in PACKAGE if name.lower().endswith(("dependencies", "scripts"))}
