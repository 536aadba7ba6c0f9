"""The issuer's keys as last fetched. They stay while the issuer is out of reach."""

from collections.abc import Mapping, Set
from random import uniform

from authapi.verifier.errors import VerifierNotReadyError
from authapi.verifier.following.fetching import Fetched, FetchError
from authapi.verifier.following.issuer import IssuerSite
from authapi.verifier.keys import VerifyingKey, parse_jwk_set

# Seconds until the set is fetched again: the issuer's max-age, within these.
SHORTEST_SECONDS, USUAL_SECONDS, LONGEST_SECONDS = 10, 300, 3600


class FetchedKeys:
    """A key source. Readers need no lock: the mapping is replaced as a whole."""

    def __init__(self, site: IssuerSite) -> None:
        self._site = site
        self._keys: Mapping[str, VerifyingKey] | None = None
        self._etag: str | None = None

    @property
    def is_loaded(self) -> bool:
        return self._keys is not None

    def find(self, kid: str) -> VerifyingKey | None:
        """Return the key of that name. Raises VerifierNotReadyError before the first fetch."""
        if self._keys is None:
            raise VerifierNotReadyError("the issuer's keys were never loaded")
        return self._keys.get(kid)

    def kids(self) -> Set[str]:
        return (self._keys or {}).keys()

    async def refresh(self) -> float:
        """Fetch the set; return the seconds until the next fetch.

        Raises FetchError, and keeps what it holds, if there is no usable set.
        """
        fetched = await self._site.get_key_set(self._etag)
        if not fetched.is_current:
            self._keys, self._etag = self._read(fetched), fetched.etag
        lifetime = USUAL_SECONDS if fetched.max_age is None else fetched.max_age
        # A random part less, so that a hundred services do not ask at one moment.
        return min(max(lifetime, SHORTEST_SECONDS), LONGEST_SECONDS) * uniform(0.8, 1.0)  # noqa: S311

    def _read(self, fetched: Fetched) -> Mapping[str, VerifyingKey]:
        try:
            keys = parse_jwk_set(fetched.document())
        except ValueError as error:
            raise FetchError(f"{fetched.url}: {error}") from None
        # The same key stays the same object, so that its verified tokens stay remembered.
        for kid, held in (self._keys or {}).items():
            if kid in keys and (held.algorithm, held.key) == (keys[kid].algorithm, keys[kid].key):
                keys[kid] = held
        return keys
