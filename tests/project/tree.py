"""The repository's folder, and the files that belong to it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_OURS = {".venv", ".git", ".hypothesis", "build", "dist", "__pycache__"}


LISTING = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def own_files() -> list[Path]:
    """Return the files that git tracks or would add; without git, all but caches and builds."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(LISTING, cwd=ROOT, check=True, capture_output=True, text=True)
        files = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        files = [path for path in ROOT.rglob("*") if not _is_by_product(path)]
    return [path for path in files if path.is_file()]


def _is_by_product(path: Path) -> bool:
    return any(part in NOT_OURS or part.endswith("_cache") for part in path.relative_to(ROOT).parts)
