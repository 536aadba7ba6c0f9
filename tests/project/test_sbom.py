"""The wheel's SBOM (PEP 770): every package of the lock, and which asks for which."""

import json
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hatch_build import sbom
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.tree import ROOT

NAME = "authapi-0.1.0.dist-info/sboms/authapi.cdx.json"
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = set(re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE))


@pytest.fixture
def packed(installed: Path) -> dict[str, Any]:
    (wheel,) = (installed.parents[1] / "dist").glob("authapi-*.whl")
    with ZipFile(wheel) as archive:
        document = json.loads(archive.read(NAME))
    assert isinstance(document, dict)
    return document


def test_the_wheel_names_every_package_of_the_lock(packed: dict[str, Any]) -> None:
    assert (packed["bomFormat"], packed["specVersion"]) == ("CycloneDX", "1.6")
    assert {(part["name"], part["version"]) for part in packed["components"]} == PINS
    whole = packed["metadata"]["component"]
    assert whole["purl"] == "pkg:pypi/authapi@0.1.0"
    assert all(part["purl"].startswith("pkg:pypi/") for part in packed["components"])
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", packed["serialNumber"])


def test_the_sbom_says_which_package_asks_for_which(packed: dict[str, Any]) -> None:
    asked = {each["ref"]: set(each["dependsOn"]) for each in packed["dependencies"]}
    refs = {part["name"]: part["bom-ref"] for part in packed["components"]}
    assert set(asked) == {"pkg:pypi/authapi@0.1.0", *refs.values()}
    assert set().union(*asked.values()) == set(refs.values())  # nobody is there for nothing
    for name in ("fastapi", "httpx", "sqlalchemy"):
        wanted = {Requirement(text) for text in requires(name) or []}
        direct = {canonicalize_name(each.name) for each in wanted if each.marker is None}
        assert {refs[each] for each in direct} <= asked[refs[name]]


def test_an_installed_authapi_keeps_its_sbom(installed: Path) -> None:
    (kept,) = installed.glob("lib/python*/site-packages/authapi-0.1.0.dist-info/sboms")
    assert [path.name for path in kept.iterdir()] == ["authapi.cdx.json"]


def test_the_same_lock_makes_the_same_sbom() -> None:
    assert sbom(LOCK, "authapi", "0.1.0") == sbom(LOCK, "authapi", "0.1.0")
    changed = LOCK.replace("alembic==", "alembic==0.")
    other = sbom(changed, "authapi", "0.1.0")
    assert other["serialNumber"] != sbom(LOCK, "authapi", "0.1.0")["serialNumber"]
