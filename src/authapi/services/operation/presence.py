"""Tells the database each minute that this process serves, and by which settings.

`authapi doctor` reads it: nothing else can see settings that differ between machines, or a proxy
that is not trusted. A database that is out of reach misses it, and that is all.
"""

import hmac
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from threading import Lock

from authapi.background import Background
from authapi.clock import Clock
from authapi.config import Settings
from authapi.crypto.derived_keys import COMPARE_SETTINGS, derive
from authapi.crypto.ids import new_id
from authapi.db import processes
from authapi.db.database import Database, open_database
from authapi.db.processes import Running
from authapi.errors import Unavailable
from authapi.logs import log

FIRST_AFTER_SECONDS = 2.0
EVERY_SECONDS = 60.0
SEEN_SECONDS = 3 * EVERY_SECONDS  # a process that was not seen for so long is gone
MAX_REQUESTS = 2**31 - 1  # as the column has it

# These may differ between the processes of one service.
OF_A_MACHINE = {"database_url", "hash_concurrency", "log_format"}
SECRET = {"secret", "redis_url", "smtp_url"}


class Traffic:
    """Counts the requests whose address counts, and those that an unknown proxy has forwarded."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests = self.forwarded = 0
        self.forwarder: str | None = None
        self._lead = 0

    def note(self, address: str, *, is_forwarded: bool) -> None:
        """Note a request. `address` sent it; `is_forwarded` if it is no trusted proxy's."""
        with self._lock:
            self.requests = min(self.requests + 1, MAX_REQUESTS)
            if is_forwarded:
                self.forwarded = min(self.forwarded + 1, MAX_REQUESTS)
                self._vote(address)

    def _vote(self, address: str) -> None:
        """Name who forwards more than all others together: not a stranger who comes last."""
        if self._lead == 0:
            self.forwarder = address
        self._lead += 1 if address == self.forwarder else -1


def comparable(settings: Settings) -> Mapping[str, str]:
    """Return what has to be the same in each process: AUTHAPI_X -> its text, or a keyed digest."""
    masked = settings.masked()
    told = {}
    for field in type(settings).model_fields.keys() - OF_A_MACHINE:
        variable = f"AUTHAPI_{field.upper()}"
        told[variable] = _digest(settings, field) if field in SECRET else masked[variable]
    return told


def _digest(settings: Settings, field: str) -> str:
    value = getattr(settings, field)
    text = "" if value is None else str(value)
    if field != "secret":
        key = derive(settings.secrets[0], COMPARE_SETTINGS)
        return hmac.digest(key, text.encode(), "sha256").hex()[:16] if text else ""
    keys = (derive(secret, COMPARE_SETTINGS) for secret in settings.secrets)
    return ",".join(hmac.digest(key, b"secret", "sha256").hex()[:16] for key in keys)


class Presence(Background):
    """Writes the row of this process from `start` to `stop`. Who serves counts in `traffic`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__("authapi-presence")
        self._settings, self._clock = settings, clock
        self.traffic = Traffic()
        self._id = new_id()
        self._is_written = False

    def tell(self, db: Database) -> None:
        """Write the row now. Raises Unavailable."""
        with db.begin() as tx:
            processes.write(tx, self._row())
        self._is_written = True

    def _row(self) -> Running:
        return Running(
            id=self._id,
            host=socket.gethostname(),
            version=version("authapi"),
            settings=json.dumps(comparable(self._settings), sort_keys=True),
            requests=self.traffic.requests,
            forwarded=self.traffic.forwarded,
            forwarder=self.traffic.forwarder,
        )

    def _run(self) -> None:
        pause, has_failed = FIRST_AFTER_SECONDS, False
        while not self._stopping.wait(pause):
            pause = EVERY_SECONDS
            try:
                self._with_database(self.tell)
                has_failed = False
            except Exception as error:  # noqa: BLE001 - it has to go on, whatever happens
                if not has_failed:
                    log.warning("presence_not_told", reason=repr(error.__cause__ or error))
                has_failed = True
        if self._is_written:
            self._is_written = False
            with suppress(Unavailable):  # nobody counts the row in three minutes
                self._with_database(self._leave)

    def _leave(self, db: Database) -> None:
        with db.begin() as tx:
            processes.remove(tx, self._id)

    def _with_database(self, act: Callable[[Database], None]) -> None:
        # A connection of its own, and only meanwhile: requests must not wait for it.
        db = open_database(self._settings.database_url, self._clock, connections=1)
        try:
            act(db)
        finally:
            db.close()
