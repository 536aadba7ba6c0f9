"""Follow the issuer's feed: one request at a time, each for what is new since the last."""

from collections.abc import Callable
from random import uniform

from authapi.verifier.following.contact import Contact
from authapi.verifier.following.issuer import IssuerSite
from authapi.verifier.following.revocations import FollowedRevocations, read_page

WAIT_SECONDS = 20.0  # the issuer may hold a request for so long, until there is news
WHOLE_WINDOW_EVERY_SECONDS = 300.0
PLAIN_POLLS_FOR_SECONDS = 60.0  # after a proxy has cut requests that wait
LEAST_PAUSE_SECONDS = 0.02  # between two pages that came at once; doubled as long as they do
MOST_PAUSE_SECONDS = 0.1  # between two that bring news: many services share an issuer
BUSY_SHARE = 0.2  # of the time may be spent on reading pages


class FeedFollower:
    """Lets the issuer hold each request until something changes; polls where that fails.

    It reads the whole window at the start, after any failure, and every few minutes. Pages are
    united with what is held: one that was lost, doubled or late does no harm.
    """

    def __init__(
        self,
        site: IssuerSite,
        revocations: FollowedRevocations,
        contact: Contact,
        *,
        poll_interval: float,
        on_compromised_key: Callable[[], object],
    ) -> None:
        self._site, self._revocations, self._contact = site, revocations, contact
        self._monotonic = contact.monotonic
        self._poll_interval = min(poll_interval, contact.interval)
        self._on_compromised_key = on_compromised_key
        self._wait = 0.0  # of the last request
        self._is_late = False  # it was sent because the answers were too old, and has no answer yet
        self._freezes = 0  # that there had been when it was sent
        self._cursor: str | None = None
        self._has_advanced = True
        self._is_in_doubt = False  # the last page was older than the newest: which time is right?
        self._whole_at = 0.0  # monotonic
        self._failed_waits = 0
        self._waits_from = 0.0  # monotonic
        self._reading_took = 0.0
        self._quick_news = self._idle_answers = 0  # in a row

    async def follow(self) -> float:
        """Make one request; return the seconds until the next one. Raises FetchError."""
        now, is_late = self._monotonic(), self._contact.is_old()
        since = self._cursor if now < self._whole_at else None
        may_wait = (
            since is not None and now >= self._waits_from and not (is_late or self._is_in_doubt)
        )
        wait = min(WAIT_SECONDS, self._contact.interval) if may_wait else 0.0
        self._wait, self._is_late, self._freezes = wait, is_late, self._contact.freezes
        try:
            if is_late:
                await self._site.disconnect()  # a connection from before a freeze may be dead
            has_news = await self._read(since, wait)
        except Exception:
            self._note_failure()
            raise
        self._is_late = False
        if wait:
            self._failed_waits = 0
        if since is None:
            self._revocations.forget_old()
            self._whole_at = now + WHOLE_WINDOW_EVERY_SECONDS * uniform(0.8, 1.0)  # noqa: S311
            return 0.0
        return self._pause(self._monotonic() - now, has_news=has_news)

    def is_catching_up(self) -> bool:
        """Return whether a request that does not wait was sent since the answers became too old."""
        return self._is_late and self._freezes == self._contact.freezes

    async def _read(self, since: str | None, wait: float) -> bool:
        asked = self._contact.now()
        fetched = await self._site.get_revocations(
            since, wait=wait, on_new_connection=not self._has_advanced
        )
        began = self._monotonic()
        page = read_page(fetched, now=self._contact.clock())
        known, as_of = self._revocations.refused_keys(), self._revocations.as_of or 0.0
        has_news = self._revocations.learn(page)
        self._contact.note_answer(asked)
        if page.keys - known:
            self._on_compromised_key()
        # One of several issuer processes may lag, and give an older cursor.
        self._has_advanced = page.as_of > as_of
        newest = self._revocations.as_of or 0.0
        self._is_in_doubt = page.as_of < newest
        if not self._is_in_doubt:
            self._cursor = page.cursor
        if newest < as_of:  # the clock was set back: the old cursor says nothing any more
            self._whole_at = 0.0
        self._reading_took = self._monotonic() - began
        return has_news

    def _pause(self, spent: float, *, has_news: bool) -> float:
        if has_news:
            self._idle_answers = 0
            self._quick_news = self._quick_news + 1 if spent < MOST_PAUSE_SECONDS else 0
            pause = min(MOST_PAUSE_SECONDS, _doubled(self._quick_news))
            return max(pause, self._reading_took / BUSY_SHARE)
        if self._wait and spent < min(self._poll_interval, self._wait):
            # The issuer was asked to wait, and did not: perhaps it never does.
            self._idle_answers += 1
            return min(self._poll_interval, _doubled(self._idle_answers))
        self._idle_answers = 0
        return max(0.0, self._poll_interval - spent) if not self._wait else 0.0

    def _note_failure(self) -> None:
        self._contact.note_failure(self._freezes)
        self._whole_at = 0.0
        if self._wait:
            self._failed_waits += 1
        if self._failed_waits >= 2:
            self._waits_from, self._failed_waits = self._monotonic() + PLAIN_POLLS_FOR_SECONDS, 0


def _doubled(times: int) -> float:
    return LEAST_PAUSE_SECONDS * 2.0 ** max(0, min(times, 16) - 1)
