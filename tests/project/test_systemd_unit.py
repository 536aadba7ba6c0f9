"""examples/systemd, by systemd's own judgement. tests/project/test_deploy_page.py runs it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from authapi.config.value_files import has_file
from tests.project.tree import ROOT

FOLDER = ROOT / "examples/systemd"
TEXT = (FOLDER / "authapi.service").read_text(encoding="utf-8")
ANALYZE = shutil.which("systemd-analyze")
MOST_EXPOSED = 15  # tenths: of systemd's ten points

needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="there is no systemd-analyze here: apt-get install systemd"
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit with a program that is there."""
    path = tmp_path / "authapi.service"
    path.write_text(TEXT.replace("/opt/authapi/bin/authapi", "/bin/true"), encoding="utf-8")
    return path


@needs_systemd
def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    checked = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    assert (checked.returncode, checked.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_secret_that_the_page_adds(unit: Path) -> None:
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    [added] = re.findall(r"^```ini\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    folder = unit.with_name("authapi.service.d")
    folder.mkdir()
    (folder / "override.conf").write_text(added, encoding="utf-8")
    checked = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    assert (checked.returncode, checked.stderr) == (0, "")
    [(loaded, setting)] = re.findall(r"^LoadCredential=(\w+):.*\nEnvironment=(\w+)=%d", added, re.M)
    assert setting == f"{loaded}_FILE"
    assert has_file(loaded.removeprefix("AUTHAPI_").lower())


@needs_systemd
def test_systemd_finds_what_is_wrong(unit: Path) -> None:
    unit.write_text(TEXT.replace("ProtectHome=", "ProtectHomes="), encoding="utf-8")
    assert "ProtectHomes" in analyze("verify", "--man=no", str(unit)).stderr


@needs_systemd
def test_systemd_calls_it_well_confined(unit: Path) -> None:
    options = ("--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager")
    checked = analyze("security", *options, str(unit))
    assert checked.returncode == 0, checked.stdout


def test_it_stops_before_systemd_kills_it() -> None:
    """authapi waits 10 s for requests that run."""
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", TEXT, re.MULTILINE)[0]) > 10


def test_every_secret_that_it_loads_is_a_setting_that_may_be_a_file() -> None:
    loaded = re.findall(r"^LoadCredential=(\w+):/etc/authapi/secrets/(\w+)$", TEXT, re.MULTILINE)
    named = re.findall(r"^Environment=(\w+)_FILE=%d/(\w+)$", TEXT, re.MULTILINE)
    assert loaded == named == [("AUTHAPI_SECRET", "AUTHAPI_SECRET")]


def test_the_command_and_the_unit_agree() -> None:
    command = (FOLDER / "authapi").read_text(encoding="utf-8")
    for shared in ("/etc/authapi", "/opt/authapi/bin/authapi"):
        assert shared in TEXT
        assert shared in command
    for line in ("User=authapi", "Group=authapi"):
        assert line in TEXT.splitlines()
    assert "setpriv --reuid=authapi --regid=authapi --init-groups" in command
