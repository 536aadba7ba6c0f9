"""The log of a test, in one of its two formats."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import structlog

from authapi import logs


class Log(StringIO):
    @property
    def text(self) -> str:
        return self.getvalue()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the events of a log in JSON."""
        return [json.loads(line) for line in self.text.splitlines()]

    def event(self, name: str) -> dict[str, Any]:
        """Return the one event of that name."""
        [found] = [event for event in self.events if event["event"] == name]
        return found


@contextmanager
def captured(log_format: str) -> Iterator[Log]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    log = Log()
    logs.configure(log_format, log)
    try:
        yield log
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()
