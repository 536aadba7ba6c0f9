"""Where a provider's keys are (OpenID Connect Discovery section 4), and how they are read.

Its metadata must name the setting's issuer. Its `jwks_uri` may be on another origin, as Google's
is. No redirect is followed.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from authapi.config.identity_providers import IdentityProvider
from authapi.verifier.following.fetching import FetchError
from authapi.verifier.following.issuer import IssuerAddress, IssuerSite, Places
from authapi.verifier.following.link import IssuerLink, LinkOptions
from authapi.verifier.keys import VerifyingKey, parse_jwk_set
from authapi.verifier.lifetimes import KEYS_MAX_AGE_SECONDS
from authapi.verifier.loopback import is_loopback_host

METADATA = "/.well-known/openid-configuration"
# The algorithm of a key whose JWK names none, as Microsoft's don't: by type and curve.
ALGORITHMS = {"RSA": "RS256", "EC P-256": "ES256", "OKP Ed25519": "EdDSA"}


class ProviderSite(IssuerSite):
    """Fetches a provider's documents."""

    async def discover(self) -> Places:
        """Return where the keys are. Raises FetchError if the metadata is another issuer's."""
        metadata = (await self.fetch(self.address.base + METADATA)).document()
        if metadata.get("issuer") != self.address.issuer:
            raise FetchError(f"{self.address.base}{METADATA} names another issuer.")
        key_set = metadata.get("jwks_uri")
        if not (isinstance(key_set, str) and self._is_safe(key_set)):
            raise FetchError(f"{self.address.base}{METADATA} names no jwks_uri to be fetched.")
        return Places(key_set, "")

    def read_keys(self, document: Mapping[str, Any]) -> dict[str, VerifyingKey]:
        entries = document.get("keys")
        if isinstance(entries, list):
            document = {"keys": [_with_algorithm(entry) for entry in entries]}
        return parse_jwk_set(document)

    def _is_safe(self, url: str) -> bool:
        """Return whether keys may be fetched there: http only from this machine to itself."""
        try:
            parts = urlsplit(url)
            host, here = parts.hostname or "", urlsplit(self.address.issuer).scheme
            is_url = bool(host) and parts.port != 0 and "@" not in parts.netloc
        except ValueError:
            return False
        is_local = parts.scheme == here == "http" and is_loopback_host(host)
        return is_url and (parts.scheme == "https" or is_local)


def _with_algorithm(entry: object) -> object:
    if not isinstance(entry, dict) or "alg" in entry:
        return entry
    return {**entry, "alg": ALGORITHMS.get(f"{entry.get('kty')} {entry.get('crv', '')}".strip())}


def connect(provider: IdentityProvider, clock: Callable[[], float]) -> IssuerLink:
    """Return a link that keeps the provider's keys up to date. Its first use begins it."""
    options = LinkOptions(
        address=IssuerAddress.read(provider.issuer, fetch_from=None, allow_http=False),
        keys=True,
        revocations=False,
        poll_interval=1.0,
        max_staleness=30.0,
        fail_closed=False,
        catch_up=None,
        keys_max_age=KEYS_MAX_AGE_SECONDS,
        transport=None,
        clock=clock,
        site=ProviderSite,
    )
    return options.connect()
