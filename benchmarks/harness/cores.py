"""Who runs where: what is measured has a core of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """`server` for what is measured; `load` for the load, the databases and this program."""

    server: int
    load: int

    @classmethod
    def of_this_machine(cls) -> "Cores":
        usable = sorted(os.sched_getaffinity(0))
        return cls(server=usable[-1], load=usable[0])

    @property
    def are_apart(self) -> bool:
        return self.server != self.load


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Whatever is started inside the block stays on that core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
