"""Programs that a machine may lack: the rows that need one say so and are not measured."""

import shutil


class NotMeasured(Exception):
    """One sentence: what to install."""


DEBIAN = {"wrk": "wrk", "node": "nodejs", "npm": "npm", "redis-server": "redis-server"}


def program(name: str) -> str:
    """Its path. Raises NotMeasured."""
    path = shutil.which(name)
    if path is None:
        raise NotMeasured(f"{name} is missing: apt install {DEBIAN[name]}")
    return path
