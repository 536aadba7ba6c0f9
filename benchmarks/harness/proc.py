"""What the kernel says about a process and its children: CPU and memory."""

import os
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads, the living children's too."""
    return sum(_ticks(one) for one in family(pid)) / TICKS


def resident_mib(pid: int) -> float:
    return _status(pid, "VmRSS")


def peak_resident_mib(pid: int) -> float:
    return _status(pid, "VmHWM")


def family(pid: int) -> Iterator[int]:
    """A process and its descendants: a server may fork its workers."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def _ticks(pid: int) -> int:
    # The name in parentheses may hold spaces: proc(5). utime and stime are fields 14 and 15.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/status has no {name}")
