"""The kind: two tries of one mail meet, after the first took longer than its lease."""

import os
from email.message import EmailMessage
from pathlib import Path

import pytest

from authapi.services.mail.delivery import Folder


def test_a_mail_that_is_written_twice_at_once_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, message, replace = Folder(tmp_path), EmailMessage(), os.replace
    tries = iter([True, False])

    def replace_after_another(source: Path, target: Path) -> None:
        if next(tries):
            folder.send("an-id", message)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_after_another)
    folder.send("an-id", message)
    assert [path.name for path in tmp_path.iterdir()] == ["an-id.eml"]
