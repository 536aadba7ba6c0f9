"""docs/configuration.md names every setting with the default that is in force."""

import re
from pathlib import Path

import pytest

from authapi.config import Settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `AUTHAPI_([A-Z_]+)` \| ([^|]+) \|", re.MULTILINE)
WORDS = {"secret": "made once", "hash_concurrency": "cores"}  # different on every machine


def documented() -> list[tuple[str, str]]:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return [(name.lower(), default.strip("` ")) for name, default in rows]


def default_of(field: str) -> str:
    default = Settings.model_fields[field].get_default()
    if isinstance(default, bool):
        return str(default).lower()
    return WORDS.get(field) or ("none" if default in (None, ()) else str(default))


def test_every_setting_is_documented_once() -> None:
    assert sorted(name for name, _ in documented()) == sorted(Settings.model_fields)


@pytest.mark.parametrize(("field", "default"), documented())
def test_the_documented_default_is_the_one_in_force(field: str, default: str) -> None:
    assert default == default_of(field)
