"""The application inside another program: its log lines, without that program's doing."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import authapi, structlog
from authapi.config import Settings
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
authapi.create_app(Settings(database_url="sqlite:///x.db", secret=SECRET))
try:
    password = "hunter2 in a local variable"
    raise ValueError("no")
except ValueError:
    structlog.get_logger().exception("unexpected_error")
"""


def test_a_traceback_shows_no_local_variables(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "unexpected_error" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
