"""A secret that somebody else put beside the database is not used.

The kind: a file that decides who can sign, taken from whoever wrote it. In a folder that others
can write into, they would plant the secret, and sign what they like.
"""

import os
import secrets
from pathlib import Path

import pytest

from authapi.config import Settings
from authapi.config.secret_file import load_or_create
from authapi.errors import CommandError

SOMEBODY = 54_321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def settings_in(folder: Path) -> Settings:
    return Settings(_env_file=None, database_url=f"sqlite:///{folder}/authapi.db")


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Return a secret's file that only its owner can open."""
    path = tmp_path / "authapi.secret"
    path.write_text(secrets.token_urlsafe(32))
    path.chmod(0o600)
    return path


def refusal(folder: Path) -> str:
    with pytest.raises(CommandError) as caught:
        load_or_create(settings_in(folder))
    return str(caught.value)


@as_root
def test_a_file_of_another_user_is_refused(tmp_path: Path, planted: Path) -> None:
    os.chown(planted, SOMEBODY, -1)
    sentence = refusal(tmp_path)
    assert sentence.startswith(f"{planted} belongs to another user")
    assert planted.read_text() not in sentence


@as_root
def test_a_link_to_a_file_of_another_user_is_refused(tmp_path: Path, planted: Path) -> None:
    target = planted.rename(tmp_path / "elsewhere")
    os.chown(target, SOMEBODY, -1)
    planted.symlink_to(target)
    assert "belongs to another user" in refusal(tmp_path)


@as_root
def test_a_file_of_root_is_accepted(
    tmp_path: Path, planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    assert load_or_create(settings_in(tmp_path)).secrets == (planted.read_bytes(),)


def test_ones_own_file_is_accepted(tmp_path: Path, planted: Path) -> None:
    assert load_or_create(settings_in(tmp_path)).secrets == (planted.read_bytes(),)
