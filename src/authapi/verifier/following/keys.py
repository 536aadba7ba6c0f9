"""The issuer's keys as last fetched. They stay while the issuer is out of reach, for an hour."""

from collections.abc import Mapping, Set
from math import inf
from random import uniform

from authapi.verifier.errors import VerifierNotReadyError
from authapi.verifier.following.contact import Contact, Moment
from authapi.verifier.following.fetching import Fetched, FetchError
from authapi.verifier.following.issuer import IssuerSite
from authapi.verifier.keys import VerifyingKey

# Seconds until the set is fetched again: the issuer's max-age, within these.
SHORTEST_SECONDS, USUAL_SECONDS, LONGEST_SECONDS = 10, 300, 3600


class FetchedKeys:
    """A key source. Readers need no lock: the mapping is replaced as a whole.

    The keys count for `max_age` seconds after a fetch was asked for that brought or confirmed them.
    Later one of them may be compromised, and this process cut off from who would tell it. `contact`
    looks at that, which every request asks anyway where the feed is followed.
    """

    def __init__(self, site: IssuerSite, contact: Contact, *, max_age: float) -> None:
        self._site, self._contact, self._max_age = site, contact, max_age
        self._keys: Mapping[str, VerifyingKey] | None = None
        self._etag: str | None = None
        self._confirmed = Moment(-inf, -inf)

    @property
    def is_loaded(self) -> bool:
        return self._keys is not None and not self.is_old()

    def is_old(self) -> bool:
        """Return whether the keys are too old, by the clock that says more."""
        wall, ticks = self._confirmed
        age = max(self._contact.monotonic() - ticks, abs(self._contact.clock() - wall))
        return age > self._max_age

    def require_confirmed(self) -> None:
        """Raise VerifierNotReadyError if the keys are too old."""
        if self._keys is not None and self.is_old():
            raise VerifierNotReadyError("the issuer's keys were not confirmed for too long")

    def find(self, kid: str) -> VerifyingKey | None:
        """Return the key of that name. Raises VerifierNotReadyError before the first fetch."""
        if self._keys is None:
            raise VerifierNotReadyError("the issuer's keys were never loaded")
        key = self._keys.get(kid)
        if key is None:
            self.require_confirmed()  # it may be one that the issuer has made since
        return key

    def kids(self) -> Set[str]:
        return (self._keys or {}).keys()

    async def refresh(self) -> float:
        """Fetch the set; return the seconds until the next fetch.

        Raises FetchError, and keeps what it holds, if there is no usable set.
        """
        asked = self._contact.now()  # the answer may have waited through a freeze
        fetched = await self._site.get_key_set(self._etag)
        if not fetched.is_current:
            self._keys, self._etag = self._read(fetched), fetched.etag
        self._confirmed = asked
        self._contact.note_keys(asked.ticks + self._max_age)
        lifetime = USUAL_SECONDS if fetched.max_age is None else fetched.max_age
        # A random part less, so that a hundred services do not ask at one moment.
        bounded = min(max(lifetime, SHORTEST_SECONDS), LONGEST_SECONDS, self._max_age / 2)
        return bounded * uniform(0.8, 1.0)  # noqa: S311

    def _read(self, fetched: Fetched) -> Mapping[str, VerifyingKey]:
        try:
            keys = self._site.read_keys(fetched.document())
        except ValueError as error:
            raise FetchError(f"{fetched.url}: {error}") from None
        # The same key stays the same object, so that its verified tokens stay remembered.
        for kid, held in (self._keys or {}).items():
            if kid in keys and (held.algorithm, held.key) == (keys[kid].algorithm, keys[kid].key):
                keys[kid] = held
        return keys


class KeysWithoutFeed(FetchedKeys):
    """Keys that look at their age themselves: without the feed nobody asks `contact`."""

    def find(self, kid: str) -> VerifyingKey | None:
        self.require_confirmed()
        return super().find(kid)
