"""What a check finds, and what it may look at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from authapi.clock import Clock
from authapi.config import Settings
from authapi.db.database import Database
from authapi.db.processes import Running


class Severity(StrEnum):
    """From the best to the worst."""

    FINE = "fine"
    UNKNOWN = "unknown"  # it could not be looked at
    WEAK = "weak"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the set-up, and what to do about it."""

    check: str
    severity: Severity
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The set-up: the settings of this shell, its environment, the database, who runs on it.

    `clock` is this machine's.
    """

    settings: Settings
    environment: Mapping[str, str]
    db: Database
    clock: Clock
    running: Sequence[Running] = ()


# What a check finds: nothing, if all is well.
Found = Iterator[tuple[Severity, str, str]]
Look = Callable[[Patient], Found]


@dataclass(frozen=True, slots=True)
class Check:
    """`fine` is said if the look finds nothing. One that needs the schema waits for it."""

    name: str
    fine: str
    look: Look
    needs_schema: bool = False
