"""The one background thread of a verifier: keeps the issuer's keys and revocations up to date.

It is started by the first use, so that a server which forks its workers has it in each of them.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from authapi.verifier.following.keys import FetchedKeys
from authapi.verifier.following.retrying import Attempt, RepeatingTask
from authapi.verifier.following.revocations import FollowedRevocations
from authapi.verifier.status import VerifierStatus

REFETCH_AFTER_SECONDS = 3.0  # from one fetch of the keys to the next for an unknown kid
KEYS_LONGEST_PAUSE_SECONDS = 30.0
# A process that names a compromised key in its feed publishes its successor already. Of several
# behind one address another may answer, which still has the old set: so long after the news, and
# so often, it is asked again.
EAGER_FOR_SECONDS, EAGER_PAUSE_SECONDS = 10.0, 0.2
STOP_WITHIN_SECONDS = 5.0
LEAST_CATCH_UP_SECONDS = 1.0  # the issuer's processes learn from each other once a second


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """See Verifier. `keys` and `revocations` are whether to follow those."""

    address: IssuerAddress
    keys: bool
    revocations: bool
    poll_interval: float
    max_staleness: float
    fail_closed: bool
    catch_up: float | None
    transport: httpx.AsyncBaseTransport | None
    clock: Callable[[], float]
    monotonic: Callable[[], float] = monotonic

    def __post_init__(self) -> None:
        if not (self.poll_interval > 0 and self.max_staleness > 0):
            raise ValueError("The poll interval and the greatest staleness are above 0 seconds.")
        if not (self.catch_up is None or self.catch_up >= LEAST_CATCH_UP_SECONDS):
            raise ValueError("catch_up is None, or at least 1 second.")

    def connect(self) -> "IssuerLink":
        """A link that has not begun yet."""
        return IssuerLink(self)


class IssuerLink:
    """`keys` and `revocations` are what a Verifier asks, None where they are not followed."""

    def __init__(self, options: LinkOptions) -> None:
        self._options = options
        self._monotonic = options.monotonic
        self._site = IssuerSite(options.address, options.transport)
        self._keys_tried_at = self._monotonic() - REFETCH_AFTER_SECONDS
        self._eager_until = 0.0
        self.keys = FetchedKeys(self._site) if options.keys else None
        self._fetching = (
            self._repeating(self._fetch_keys, KEYS_LONGEST_PAUSE_SECONDS) if self.keys else None
        )
        self._contact = Contact(options.catch_up, clock=options.clock, monotonic=options.monotonic)
        self.revocations = self._new_revocations() if options.revocations else None
        self._follower = self._new_follower()
        self._following = (
            self._repeating(self._follower.follow, 2 * options.poll_interval)
            if self._follower
            else None
        )
        self._lock = Lock()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._is_stopped = False
        self._pid = os.getpid()

    def start(self) -> None:
        """Begin, if that has not been done; returns at once."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None and not self._is_stopped:
                self._thread = Thread(target=self._run, name="authapi-verifier", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread, whatever it is waiting for. What is known stays known."""
        if self._pid != os.getpid():
            return  # the parent's thread: its sockets are not ours to touch
        self._contact.end()
        with self._lock:
            self._is_stopped = True
            if self._loop and self._running:
                self._loop.call_soon_threadsafe(self._running.cancel)
                self._loop = None
        if self._thread:
            self._thread.join(STOP_WITHIN_SECONDS)

    def status(self) -> VerifierStatus:
        keys, revocations = self.keys, self.revocations
        tasks = [task for task in (self._fetching, self._following) if task]
        return VerifierStatus(
            is_ready=all(part.is_loaded for part in (keys, revocations) if part is not None),
            is_stale=revocations is not None and revocations.is_stale(),
            staleness=revocations.staleness() if revocations is not None else None,
            revoked_sessions=len(revocations) if revocations is not None else 0,
            problem=next((task.problem for task in tasks if task.problem), None),
        )

    def attempt_for(self, refusal: InvalidTokenError) -> Attempt | None:
        """Return the attempt that may turn this refusal into something else; None: it stands."""
        self.start()
        if self._is_stopped:
            return None
        if isinstance(refusal, UnknownKeyError):
            return self._refetch()
        if isinstance(refusal, CatchUpError):
            return self._catch_up()
        if isinstance(refusal, VerifierNotReadyError):
            return self._first_attempt()
        return None

    def _refetch(self) -> Attempt | None:
        if self._fetching is None:
            return None
        if under_way := self._fetching.attempt:
            return under_way
        if self._monotonic() - self._keys_tried_at < REFETCH_AFTER_SECONDS:
            return None
        return self._fetching.ask_for_attempt()

    def _first_attempt(self) -> Attempt | None:
        if self.keys and not self.keys.is_loaded:
            return self._refetch()
        if self._following and self.revocations is not None and not self.revocations.is_loaded:
            return self._following.attempt
        return None

    def _catch_up(self) -> Attempt | None:
        assert self._follower, "only what is followed is caught up with"
        assert self._following
        if self._follower.is_catching_up():
            return self._following.next_attempt()
        return self._following.restart()

    async def _notice_freezes(self) -> None:
        while True:
            await asyncio.sleep(self._contact.interval)
            if self._contact.beat() and self._following:
                self._following.restart()

    async def _fetch_keys(self) -> float:
        assert self.keys
        try:
            pause = await self.keys.refresh()
        finally:
            self._keys_tried_at = self._monotonic()
        is_news = self._monotonic() < self._eager_until
        return EAGER_PAUSE_SECONDS if is_news and self._has_compromised_key() else pause

    def _has_compromised_key(self) -> bool:
        assert self.keys
        assert self.revocations is not None, "who else has told of one"
        return not self.keys.kids().isdisjoint(self.revocations.refused_keys())

    def _key_is_compromised(self) -> None:
        if self._fetching:
            self._eager_until = self._monotonic() + EAGER_FOR_SECONDS
            self._fetching.ask_for_attempt()

    def _new_revocations(self) -> FollowedRevocations:
        return FollowedRevocations(
            self._contact,
            max_staleness=self._options.max_staleness,
            fail_closed=self._options.fail_closed,
        )

    def _new_follower(self) -> FeedFollower | None:
        if self.revocations is None:
            return None
        return FeedFollower(
            self._site,
            self.revocations,
            self._contact,
            poll_interval=self._options.poll_interval,
            on_compromised_key=self._key_is_compromised,
        )

    def _repeating(self, step: Callable[[], Awaitable[float]], longest: float) -> RepeatingTask:
        return RepeatingTask(step, longest_pause=longest, after_failure=self._site.forget_places)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        tasks = [task for task in (self._fetching, self._following) if task]
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._running = asyncio.ensure_future(self._run_all(tasks))
            if self._is_stopped:
                self._running.cancel()
        await asyncio.wait([self._running])

    async def _run_all(self, tasks: list[RepeatingTask]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(task.run())
                if self._following and self._options.catch_up is not None:
                    group.create_task(self._notice_freezes())
        finally:
            await self._site.disconnect()
