"""A copy of the repository, as a newcomer has it, and what `make` needs to work there."""

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
    """With an environment that sees this one's packages: no downloads."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(clone / ".venv")], check=True
    )
    (packages,) = clone.glob(".venv/lib/python*/site-packages")
    (packages / "zz_lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")


def environment() -> dict[str, str]:
    """Without what a surrounding `make test` hands down."""
    inherited = ("AUTHAPI_", "MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(inherited)}
