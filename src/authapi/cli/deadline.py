"""A deadline that moves with each part that a client sends."""

import asyncio
from collections.abc import Callable
from enum import Enum


class Reading(Enum):
    """What the client sends now, and may take too long for."""

    NOTHING = "between requests"
    HEAD = "a head"
    BODY = "a body"


class Deadline:
    """Calls `when_past` once time is up. To move it on sets no timer: the one that is set looks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, when_past: Callable[[], None]) -> None:
        self._loop = loop
        self._when_past = when_past
        self._timer: asyncio.TimerHandle | None = None
        self.moment: float | None = None

    def set(self, moment: float | None) -> None:
        """Set it to a time of the loop, or to never."""
        self.moment = moment
        if moment is None:
            return
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._look)

    def stop(self) -> None:
        """Call nothing any more."""
        self.moment = None
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self.moment is None:
            return
        if self._loop.time() < self.moment:
            self.set(self.moment)
        else:
            self._when_past()
