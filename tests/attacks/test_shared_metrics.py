"""The kind: another user of the machine stops the server by what all can write: /dev/shm."""

import os
from pathlib import Path
from threading import Thread

import pytest

from authapi.cli import metrics_folder
from authapi.web.metrics.workers import FOLDER_VARIABLE


def test_a_fifo_among_the_folders_does_not_hold_up_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / f"{metrics_folder.PREFIX}planted"
    planted.mkdir()
    os.mkfifo(planted / metrics_folder.LOCK_NAME)
    monkeypatch.setattr(metrics_folder, "SHARED_MEMORY", tmp_path)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)

    def serve() -> None:
        with metrics_folder.metrics_folder():
            pass

    serving = Thread(target=serve, daemon=True)
    serving.start()
    serving.join(30)
    assert not serving.is_alive()
