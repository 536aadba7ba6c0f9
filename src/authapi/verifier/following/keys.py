"""The issuer's keys as last fetched. They stay while the issuer is out of reach, for an hour."""

from collections.abc import Mapping, Set
from math import inf
from random import uniform

from authapi.verifier.errors import VerifierNotReadyError
from authapi.verifier.following.contact import Contact, Moment
from authapi.verifier.following.fetching import Fetched, FetchError
from authapi.verifier.following.issuer import IssuerSite
from authapi.verifier.keys import VerifyingKey, parse_jwk_set

# Seconds until the set is fetched again: the issuer's max-age, within these.
SHORTEST_SECONDS, USUAL_SECONDS, LONGEST_SECONDS = 10, 300, 3600


class FetchedKeys:
    """A key source. Readers need no lock: the mapping is replaced as a whole.

    The keys count for `max_age` seconds after a fetch was asked for that brought or confirmed them.
    Later one of them may be compromised, and this process cut off from who would tell it.
    """

    def __init__(self, site: IssuerSite, contact: Contact, *, max_age: float) -> None:
        self._site, self._contact, self._max_age = site, contact, max_age
        self._monotonic = contact.monotonic
        self._keys: Mapping[str, VerifyingKey] = {}
        self._etag: str | None = None
        self._confirmed: Moment | None = None
        self._good_until = -inf  # on the monotonic clock

    @property
    def is_loaded(self) -> bool:
        return self._monotonic() <= self._good_until

    def find(self, kid: str) -> VerifyingKey | None:
        """Return the key of that name. Raises VerifierNotReadyError without keys that count."""
        if self._monotonic() > self._good_until:
            age = "never loaded" if self._confirmed is None else "not confirmed for too long"
            raise VerifierNotReadyError(f"the issuer's keys were {age}")
        return self._keys.get(kid)

    def kids(self) -> Set[str]:
        return self._keys.keys()

    def expire_by_wall_clock(self) -> bool:
        """Return whether the keys have just become too old by the wall clock.

        The monotonic clock, which `find` reads, stands still while some machines sleep.
        """
        if self._confirmed is None or self._good_until == -inf:
            return False
        if abs(self._contact.clock() - self._confirmed.wall) <= self._max_age:
            return False
        self._good_until = -inf
        return True

    async def refresh(self) -> float:
        """Fetch the set; return the seconds until the next fetch.

        Raises FetchError, and keeps what it holds, if there is no usable set.
        """
        asked = self._contact.now()  # the answer may have waited through a freeze
        fetched = await self._site.get_key_set(self._etag)
        if not fetched.is_current:
            self._keys, self._etag = self._read(fetched), fetched.etag
        self._confirmed, self._good_until = asked, asked.ticks + self._max_age
        lifetime = USUAL_SECONDS if fetched.max_age is None else fetched.max_age
        # A random part less, so that a hundred services do not ask at one moment.
        bounded = min(max(lifetime, SHORTEST_SECONDS), LONGEST_SECONDS, self._max_age / 2)
        return bounded * uniform(0.8, 1.0)  # noqa: S311

    def _read(self, fetched: Fetched) -> Mapping[str, VerifyingKey]:
        try:
            keys = parse_jwk_set(fetched.document())
        except ValueError as error:
            raise FetchError(f"{fetched.url}: {error}") from None
        # The same key stays the same object, so that its verified tokens stay remembered.
        for kid, held in self._keys.items():
            if kid in keys and (held.algorithm, held.key) == (keys[kid].algorithm, keys[kid].key):
                keys[kid] = held
        return keys
