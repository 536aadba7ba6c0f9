"""A copy of the repository, as a newcomer has it, in which `make` works."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.project.tree import ROOT, own_files


def copy_to(folder: Path) -> None:
    for path in own_files():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def furnish(clone: Path) -> None:
    """Make an environment that sees this one's packages, so that nothing is downloaded."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(clone / ".venv")], check=True
    )
    (packages,) = clone.glob(".venv/lib/python*/site-packages")
    (packages / "zz_lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")


def environment() -> dict[str, str]:
    """Return an environment without the variables of a surrounding `make test`."""
    inherited = ("AUTHAPI_", "MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(inherited)}
