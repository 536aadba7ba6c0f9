"""The application inside another program: its log lines, without that program's doing."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import authapi, structlog
from authapi.config import Settings
from authapi.logs import log
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
authapi.create_app(Settings(database_url="sqlite:///x.db", secret=SECRET))
"""
FAILURE = """
try:
    password = "hunter2 in a local variable"
    raise ValueError("no")
except ValueError:
    log.exception("unexpected_error")
"""
OWN_LINE = """
structlog.get_logger().info("a line of the program", amount=3)
"""
CONFIGURED = """
structlog.configure(processors=[lambda *_: "as the program has configured it"])
"""


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )


def test_a_traceback_shows_no_local_variables(tmp_path: Path) -> None:
    done = run(PROGRAM + FAILURE, tmp_path)
    assert "unexpected_error" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_the_programs_own_lines_stay_as_they_were(tmp_path: Path) -> None:
    alone = run(f"import structlog{OWN_LINE}", tmp_path).stdout
    beside = run(PROGRAM + OWN_LINE, tmp_path).stdout
    (own,) = (line.split(" ", 2)[2] for line in alone.splitlines())  # without date and time
    assert own in beside
    assert "amount" in own


def test_a_program_that_configures_structlog_later_gets_our_lines(tmp_path: Path) -> None:
    done = run(PROGRAM + CONFIGURED + FAILURE, tmp_path)
    assert done.stdout == "as the program has configured it\n"
    assert "unexpected_error" not in done.stderr
