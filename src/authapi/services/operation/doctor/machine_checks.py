"""Checks of this machine, and of what it can reach besides the database."""

import re
from pathlib import Path
from time import perf_counter

from authapi.crypto.passwords import PasswordHasher
from authapi.db.session_cache import obeys_anybody
from authapi.errors import Unavailable
from authapi.services.operation.doctor.findings import Found, Patient, Severity

WEAK, WRONG = Severity.WEAK, Severity.WRONG

SLOW_HASH_SECONDS = 1.0
TRIES = 3
MEMORY = Path("/proc/meminfo")
MEMORY_OF_GROUP = Path("/sys/fs/cgroup/memory.max")


def hash_cost(patient: Patient) -> Found:
    settings = patient.settings
    needed, there = settings.hash_concurrency * settings.hash_memory_kib, _memory_kib()
    if there is not None and needed > there // 2:
        yield (
            WRONG,
            f"Hashes may take {needed // 1024} MiB at once, and this machine has "
            f"{there // 1024} MiB: a crowd of log-ins ends the process.",
            "Lower AUTHAPI_HASH_CONCURRENCY or AUTHAPI_HASH_MEMORY_KIB.",
        )
        return  # nor is one measured here
    seconds = _seconds_of_a_hash(settings.hash_memory_kib, settings.hash_time_cost)
    if seconds > SLOW_HASH_SECONDS:
        yield (
            WEAK,
            f"A log-in takes {seconds:.1f} s of a processor of this machine.",
            "Lower AUTHAPI_HASH_TIME_COST or AUTHAPI_HASH_MEMORY_KIB.",
        )


def _seconds_of_a_hash(memory_kib: int, time_cost: int) -> float:
    hasher = PasswordHasher(memory_kib, time_cost)
    shortest = SLOW_HASH_SECONDS * TRIES
    for _ in range(TRIES):  # the shortest is the one that nobody disturbed
        began = perf_counter()
        hasher.hash("a password to measure with")
        shortest = min(shortest, perf_counter() - began)
        if shortest < SLOW_HASH_SECONDS:
            break
    return shortest


def _memory_kib() -> int | None:
    """Return what a process may have here; None where nobody says."""
    amounts = []
    if found := re.search(r"^MemTotal:\s+(\d+) kB", _text(MEMORY), re.MULTILINE):
        amounts.append(int(found[1]))
    if (most := _text(MEMORY_OF_GROUP).strip()).isdecimal():
        amounts.append(int(most) // 1024)
    return min(amounts, default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def redis(patient: Patient) -> Found:
    url = patient.settings.redis_url
    if url is None:
        return
    try:
        is_open = obeys_anybody(url)
    except Unavailable as error:
        yield (
            WRONG,
            f"Redis does not answer ({error.__cause__}): each process counts its limits alone.",
            "Start Redis, or mend AUTHAPI_REDIS_URL.",
        )
        return
    if is_open:
        yield (
            WRONG,
            "Redis obeys whoever reaches it, without a password: limits can be emptied.",
            "Set `requirepass` there, and put the password into AUTHAPI_REDIS_URL.",
        )
