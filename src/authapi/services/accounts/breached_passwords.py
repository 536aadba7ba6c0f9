"""Whether a new password was stolen from another site. A range service knows (docs/security.md).

| the service answers                   | BREACHED_PASSWORDS_FAIL_CLOSED off and on        |
| ------------------------------------- | ------------------------------------------------ |
| with the password, counted above 0    | InvalidField                                     |
| without it, or with the count 0       | accepted                                         |
| nothing usable within TIMEOUT_SECONDS | off: accepted; on: PasswordCheckUnavailable      |

The service learns five of the 40 digits of the password's SHA-1. After a failure it is down: one
password in PAUSE_SECONDS is asked about, and the others get the last row at once.
"""

import re
from collections.abc import Collection
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from hashlib import sha1
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from authapi.config import Settings
from authapi.crypto.passwords import normalise
from authapi.errors import InvalidField, PasswordCheckUnavailable
from authapi.logs import log
from authapi.services.accounts.hashing import Hashing, Question
from authapi.tally import Tally

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal
    from httpx import AsyncClient

PREFIX_DIGITS = 5
TIMEOUT_SECONDS = 1.0  # in all, from the name's look-up to the last byte
PAUSE_SECONDS = 5.0
MAX_BYTES = 1024 * 1024  # a padded answer has some 40 KB
MAX_CONNECTIONS = 16
# Padding makes every answer as long as the others: who reads along learns no prefix by its length.
HEADERS = {"Accept": "text/plain", "Add-Padding": "true", "User-Agent": "authapi"}
LINE = re.compile(r"([0-9A-F]{35}):([0-9]{1,12})", re.ASCII)
MESSAGE = (
    "This password was stolen from another site, so it is among those that are guessed. "
    "Choose another one: several words that do not belong together are good."
)

# The suffixes of stolen passwords with a prefix; or None, and the problem.
Answer: TypeAlias = tuple[Collection[str] | None, str]


class BreachedPasswords:
    """Asks the range service of the settings, if there is one, on a thread with an event loop."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.breached_passwords_url
        self._fails_closed = settings.breached_passwords_fail_closed
        self.outcomes = Tally("absent", "breached", "down")
        self._lock = Lock()
        self._is_down, self._ask_again_at = False, 0.0
        self._opened = ExitStack()
        self._portal: BlockingPortal | None = None
        self._client: AsyncClient | None = None  # the portal's thread makes and uses it

    def require_unbreached(self, password: str, field: str) -> Hashing[None]:
        """Raise InvalidField for `field` if the password was stolen. Raises Unavailable, too."""
        if self._base is None:
            return
        digest = sha1(normalise(password).encode(), usedforsecurity=False).hexdigest().upper()
        breached: Collection[str] | None = None
        if self._may_ask():
            breached, problem = yield Question(partial(self._begin, digest[:PREFIX_DIGITS]))
            self._note(problem)
        if breached is None:
            self.outcomes.add("down")
            if self._fails_closed:
                raise PasswordCheckUnavailable(PAUSE_SECONDS)
            return
        is_breached = digest[PREFIX_DIGITS:] in breached
        self.outcomes.add("breached" if is_breached else "absent")
        if is_breached:
            raise InvalidField(field, MESSAGE, "password_breached")

    def close(self) -> None:
        """Close the connections. A later question opens new ones."""
        with self._lock:
            portal, self._portal = self._portal, None
            opened, self._opened = self._opened, ExitStack()
        # Without the lock: what waits for the other thread holds none.
        if portal:
            portal.call(self._disconnect)
        opened.close()

    def _may_ask(self) -> bool:
        now = monotonic()
        with self._lock:
            if self._is_down and now < self._ask_again_at:
                return False
            self._ask_again_at = now + PAUSE_SECONDS
            return True

    def _begin(self, prefix: str) -> "Future[Answer]":
        from anyio.from_thread import start_blocking_portal

        with self._lock:
            if self._portal is None:
                started = start_blocking_portal(name="authapi-ranges")
                self._portal = self._opened.enter_context(started)
            portal = self._portal
        return portal.start_task_soon(self._ask, prefix)

    async def _ask(self, prefix: str) -> Answer:
        """Return the answer. This is the portal's thread, which must wait for no lock."""
        from authapi.verifier.following.fetching import FetchError, fetch

        assert self._base is not None
        bounds: dict[str, Any] = {"limit": MAX_BYTES, "seconds": TIMEOUT_SECONDS}
        try:
            self._client = self._client or _new_client()
            fetched = await fetch(self._client, self._base + prefix, headers=HEADERS, **bounds)
            return read_range(fetched.body), ""
        # HTTPS_PROXY may be no URL (ValueError), or a SOCKS proxy without a package (ImportError).
        except (FetchError, ValueError, ImportError) as error:
            problem = str(error) or type(error).__name__
            return None, problem.replace(prefix, "")  # the log learns no part of a digest

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client:
            await client.aclose()

    def _note(self, problem: str) -> None:
        """Log that the service is down, or back: a line for each change, not for each password."""
        with self._lock:
            has_changed, self._is_down = bool(problem) != self._is_down, bool(problem)
        if has_changed and problem:
            log.warning("breached_passwords_down", reason=problem)
        elif has_changed:
            log.info("breached_passwords_back")


def read_range(body: bytes) -> Collection[str]:
    """Return the suffixes that an answer counts. Raises ValueError for any other document."""
    lines = body.decode("ascii").upper().replace("\r\n", "\n").removesuffix("\n").split("\n")
    found = [LINE.fullmatch(line) for line in lines]
    if not all(found):
        raise ValueError("The answer is no list of digests and counts.")
    return frozenset(match[1] for match in found if match and int(match[2]) > 0)


def _new_client() -> "AsyncClient":
    import httpx  # slow to import, and most commands ask nothing

    # `fetch` limits the seconds of the whole request, and follows no redirect.
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS)
    return httpx.AsyncClient(timeout=None, limits=limits)  # noqa: S113
