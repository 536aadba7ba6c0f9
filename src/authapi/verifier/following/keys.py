"""The issuer's keys as last fetched. Held through whatever happens to the issuer."""

from collections.abc import Mapping, Set
from random import uniform

from authapi.verifier.errors import VerifierNotReadyError
from authapi.verifier.following.fetching import Fetched, FetchError
from authapi.verifier.following.issuer import IssuerSite
from authapi.verifier.keys import VerifyingKey, parse_jwk_set

# A set is used so long before it is asked for again: what the issuer says, within these.
SHORTEST_SECONDS, USUAL_SECONDS, LONGEST_SECONDS = 10, 300, 3600


class FetchedKeys:
    """A key source. Readers take no lock: the mapping is replaced as a whole."""

    def __init__(self, site: IssuerSite) -> None:
        self._site = site
        self._keys: Mapping[str, VerifyingKey] | None = None
        self._etag: str | None = None

    @property
    def is_loaded(self) -> bool:
        return self._keys is not None

    def find(self, kid: str) -> VerifyingKey | None:
        """Raises VerifierNotReadyError where no set was ever fetched."""
        if self._keys is None:
            raise VerifierNotReadyError("the issuer's keys were never loaded")
        return self._keys.get(kid)

    def kids(self) -> Set[str]:
        return (self._keys or {}).keys()

    async def refresh(self) -> float:
        """Fetch the set; seconds until it is to be done again.

        Raises FetchError, and what was held stays, where there is none that can be used.
        """
        fetched = await self._site.get_key_set(self._etag)
        if not fetched.is_current:
            self._keys, self._etag = self._read(fetched), fetched.etag
        lifetime = USUAL_SECONDS if fetched.max_age is None else fetched.max_age
        # Earlier by chance, so that a hundred services do not ask at one moment.
        return min(max(lifetime, SHORTEST_SECONDS), LONGEST_SECONDS) * uniform(0.8, 1.0)  # noqa: S311

    def _read(self, fetched: Fetched) -> Mapping[str, VerifyingKey]:
        try:
            keys = parse_jwk_set(fetched.document())
        except ValueError as error:
            raise FetchError(f"{fetched.url}: {error}") from None
        held = self._keys or {}
        # One that is the same stays the same object: what it has verified stays remembered.
        return {kid: _same(key, held.get(kid)) for kid, key in keys.items()}


def _same(key: VerifyingKey, held: VerifyingKey | None) -> VerifyingKey:
    if held and held.algorithm == key.algorithm and held.key == key.key:
        return held
    return key
