"""The repository and the wheel hold no key, token or password that opens anything (ASVS 13.3.1)."""

import base64
import random
import string
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.project.tree import ROOT, own_files
from tests.support.secret_scan import secrets_in

LETTERS = string.ascii_letters + string.digits
# Made up: the head of any token that ES256 signs, and a secret that the tests begin.
KNOWN = {"random value: eyJhbGciOiJF", "random value: kQ8Zr3uV5yB1"}


def found_in(files: dict[str, bytes]) -> dict[str, list[str]]:
    """Return the findings in each file that has some."""
    found = {
        name: sorted({*secrets_in(raw.decode(errors="replace"))} - KNOWN)
        for name, raw in files.items()
    }
    return {name: each for name, each in found.items() if each}


def test_no_file_of_the_repository_holds_a_secret() -> None:
    files = {str(path.relative_to(ROOT)): path.read_bytes() for path in own_files()}
    assert len(files) > 300
    assert found_in(files) == {}


def test_the_wheel_holds_no_secret(installed: Path) -> None:
    (wheel,) = (installed.parents[1] / "dist").glob("authapi-*.whl")
    with ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert len(files) > 100
    assert found_in(files) == {}
    kept = (".env", ".pem", ".key", ".secret", ".db", ".sqlite", ".git")
    assert [name for name in files if name.endswith(kept) or "/.git/" in name] == []


def words(count: int, letters: str = LETTERS) -> str:
    return "".join(random.Random(count).choices(letters, k=count))


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


PLANTED: dict[str, Callable[[], str]] = {
    "private key": lambda: f"-----BEGIN {'EC '}PRIVATE {'KEY'}-----\n{words(64)}\n",
    "JWT": lambda: ".".join(
        (encoded('{"alg":"ES256"}'), encoded('{"sub":"a","exp":1}'), words(86))
    ),
    "AWS": lambda: "AK" + "IA" + words(16, string.ascii_uppercase),
    "GitHub": lambda: "gh" + "p_" + words(36),
    "GitLab": lambda: "gl" + "pat-" + words(20),
    "Slack": lambda: "xo" + "xb-" + words(24),
    "Google": lambda: "AI" + "za" + words(35),
    "Stripe": lambda: "sk" + "_live_" + words(24),
    "npm": lambda: "np" + "m_" + words(36),
    "package index": lambda: "py" + "pi-AgE" + words(60),
    "AI service": lambda: "s" + "k-ant-" + words(40),
    "URL with a password": lambda: f"postgresql://authapi:{words(20)}7@db.internal/authapi",
    "random value": lambda: f'AUTHAPI_SECRET="{words(43)}"',
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_secret_is_found(form: str, tmp_path: Path) -> None:
    planted = f"first line\n{PLANTED[form]()}\nlast line\n".encode()
    found = found_in({"settings.py": planted})
    assert any(each.startswith(form) for each in found["settings.py"])


def test_a_random_value_is_found_in_each_notation() -> None:
    value = words(43)
    for text in (
        f"AUTHAPI_SECRET={value}",
        f'"client_secret": "{value}"',
        f"password = '{value}'",
        f"api_key: {value}",
        f"token = SecretStr('{value}')",
    ):
        assert found_in({"a file": text.encode()})["a file"], text
