"""A small disk in memory, which a test fills. Only root can mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class SmallDisk:
    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def mounted(cls, path: Path, mebibytes: int) -> Iterator["SmallDisk"]:
        """Mount one at a new folder during the block."""
        path.mkdir()
        size = f"size={mebibytes}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "authapi-test", path], check=True)
        try:
            yield cls(path)
        finally:
            subprocess.run(["umount", "--lazy", path], check=True)  # who was killed may still end
            path.rmdir()

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no space during the block. What a file has already, it keeps."""
        ballast = self.path / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
            yield
        finally:
            ballast.unlink()
