"""The background thread of a verifier: keeps the issuer's keys and revocations up to date.

The first use starts it, so that each worker which a server forks has its own.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from threading import Lock, Thread
from time import monotonic

import httpx

from authapi.verifier.errors import (
    CatchUpError,
    InvalidTokenError,
    UnknownKeyError,
    VerifierNotReadyError,
)
from authapi.verifier.following.contact import Contact
from authapi.verifier.following.feed import FeedFollower
from authapi.verifier.following.issuer import IssuerAddress, IssuerSite
from authapi.verifier.following.keys import FetchedKeys, KeysWithoutFeed
from authapi.verifier.following.retrying import Attempt, RepeatingTask
from authapi.verifier.following.revocations import FollowedRevocations
from authapi.verifier.status import VerifierStatus

REFETCH_AFTER_SECONDS = 3.0  # from one fetch of the keys to the next for an unknown kid
KEYS_LONGEST_PAUSE_SECONDS = 30.0
# The issuer process that tells of a compromised key publishes its successor already. Another one
# may still answer with the old set: the issuer is asked again so often, for so long.
EAGER_FOR_SECONDS, EAGER_PAUSE_SECONDS = 10.0, 0.2
STOP_WITHIN_SECONDS = 5.0
FIRST_MOMENT_SECONDS = 0.5  # in which whoever needs the first keys may wait, however many do
NOTICE_EVERY_SECONDS = 10.0  # at the latest, that the process was frozen
LEAST_CATCH_UP_SECONDS = 1.0  # the issuer's processes learn from each other once a second

read_address = IssuerAddress.read


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """The options of Verifier. `keys` and `revocations` say whether to follow those."""

    address: IssuerAddress
    keys: bool
    revocations: bool
    poll_interval: float
    max_staleness: float
    fail_closed: bool
    catch_up: float | None
    keys_max_age: float
    transport: httpx.AsyncBaseTransport | None
    clock: Callable[[], float]
    site: type[IssuerSite] = IssuerSite  # knows where the documents are

    def __post_init__(self) -> None:
        if not (self.poll_interval > 0 and self.max_staleness > 0):
            raise ValueError("The poll interval and the greatest staleness are above 0 seconds.")
        if not (self.catch_up is None or self.catch_up >= LEAST_CATCH_UP_SECONDS):
            raise ValueError("catch_up is None, or at least 1 second.")
        if not self.keys_max_age > 0:
            raise ValueError("keys_max_age is above 0 seconds.")

    def connect(self) -> "IssuerLink":
        """Return a link that has not begun yet."""
        return IssuerLink(self)


class IssuerLink:
    """`keys` and `revocations` are what a Verifier asks, None if they are not followed."""

    def __init__(self, options: LinkOptions) -> None:
        self._options = options
        self._site = options.site(options.address, options.transport)
        self._contact = Contact(options.catch_up, clock=options.clock, monotonic=monotonic)
        self._keys_tried_at = monotonic() - REFETCH_AFTER_SECONDS
        self._eager_until = 0.0
        self._tasks: list[RepeatingTask] = []
        self.keys: FetchedKeys | None = None
        if options.keys:
            kind = FetchedKeys if options.revocations else KeysWithoutFeed
            self.keys = kind(self._site, self._contact, max_age=options.keys_max_age)
            self._contact.require_keys = self.keys.require_confirmed
            self._fetching = self._repeat(self._fetch_keys, KEYS_LONGEST_PAUSE_SECONDS)
        self.revocations: FollowedRevocations | None = None
        if options.revocations:
            self.revocations = FollowedRevocations(
                self._contact,
                max_staleness=options.max_staleness,
                fail_closed=options.fail_closed,
            )
            self._follower = FeedFollower(
                self._site,
                self.revocations,
                self._contact,
                poll_interval=options.poll_interval,
                on_compromised_key=self._key_is_compromised,
            )
            self._following = self._repeat(self._follower.follow, 2 * options.poll_interval)
        self.no_wait = Attempt()  # an attempt that has ended
        self.no_wait.set_result(None)
        self._lock = Lock()
        self._thread: Thread | None = None
        self._running: asyncio.Task[None] | None = None
        self._started_at = -inf
        self._is_stopped = False
        self._pid = os.getpid()

    def start(self) -> None:
        """Start the thread unless it was started or stopped before; return at once."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None and not self._is_stopped:
                self._thread = Thread(target=self._run, name="authapi-verifier", daemon=True)
                self._started_at = monotonic()
                self._thread.start()

    def first_moment(self) -> float:
        """Return the seconds that are left of the first moment after the start; below 0: none."""
        return self._started_at + FIRST_MOMENT_SECONDS - monotonic()

    def stop(self) -> None:
        """End the thread, whatever it waits for. What is known stays known."""
        if self._pid != os.getpid():
            return  # the parent's thread: its sockets are not ours
        self._contact.end()
        with self._lock:
            self._is_stopped = True
            running, self._running = self._running, None
            if running:
                running.get_loop().call_soon_threadsafe(running.cancel)
        if self._thread:
            self._thread.join(STOP_WITHIN_SECONDS)

    def status(self) -> VerifierStatus:
        """Return how much is known, how old it is, and the last problem."""
        keys, revocations = self.keys, self.revocations
        return VerifierStatus(
            is_ready=all(part.is_loaded for part in (keys, revocations) if part is not None),
            is_stale=revocations is not None and revocations.is_stale(),
            staleness=None if revocations is None else revocations.staleness(),
            revoked_sessions=0 if revocations is None else len(revocations),
            problem=next((task.problem for task in self._tasks if task.problem), None),
        )

    def attempt_for(self, refusal: InvalidTokenError) -> Attempt | None:
        """Return the attempt after which the token may pass; None if the refusal stands."""
        self.start()
        if self._is_stopped:
            return None
        is_not_ready = isinstance(refusal, VerifierNotReadyError)
        if isinstance(refusal, CatchUpError):
            if self._follower.is_catching_up():
                return self._following.next_attempt()
            return self._following.restart()
        if isinstance(refusal, UnknownKeyError) or (
            is_not_ready and self.keys and not self.keys.is_loaded
        ):
            return self._refetch()
        if is_not_ready and self.revocations is not None and not self.revocations.is_loaded:
            return None if self._following.problem else self._following.attempt
        return None

    def _refetch(self) -> Attempt | None:
        """Ask for the keys; return the attempt, None if it came too soon or the last one failed.

        Nobody waits for an issuer that fails: strangers' tokens would hold every thread.
        """
        if self.keys is None:
            return None
        has_failed = self._fetching.problem is not None
        attempt = self._fetching.attempt
        if attempt is None and monotonic() - self._keys_tried_at >= REFETCH_AFTER_SECONDS:
            attempt = self._fetching.ask_for_attempt()
        return None if has_failed else attempt

    async def _notice_freezes(self) -> None:
        while True:
            await asyncio.sleep(min(self._contact.interval, NOTICE_EVERY_SECONDS))
            if self._contact.beat() and self.revocations is not None:
                self._following.restart()
            if self.keys and self.keys.kids() and self.keys.is_old():
                self._contact.note_keys(-inf)  # by the wall clock, while the other stood still
                self._fetching.ask_for_attempt()

    async def _fetch_keys(self) -> float:
        assert self.keys
        try:
            pause = await self.keys.refresh()
        finally:
            self._keys_tried_at = monotonic()
        if monotonic() < self._eager_until:
            assert self.revocations is not None, "they have told of a compromised key"
            if self.keys.kids() & self.revocations.refused_keys():
                return EAGER_PAUSE_SECONDS
        return pause

    def _key_is_compromised(self) -> None:
        if self.keys:
            self._eager_until = monotonic() + EAGER_FOR_SECONDS
            self._fetching.ask_for_attempt()

    def _repeat(self, step: Callable[[], Awaitable[float]], longest: float) -> RepeatingTask:
        forget = self._site.forget_places
        self._tasks.append(RepeatingTask(step, longest_pause=longest, after_failure=forget))
        return self._tasks[-1]

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):  # by `stop`
            asyncio.run(self._main())

    async def _main(self) -> None:
        with self._lock:
            self._running = asyncio.current_task()
            if self._is_stopped and self._running:
                self._running.cancel()
        try:
            async with asyncio.TaskGroup() as group:
                for task in self._tasks:
                    group.create_task(task.run())
                group.create_task(self._notice_freezes())
        finally:
            await self._site.disconnect()
