"""Where an issuer's documents are: from what the service was told, never from a token."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import SplitResult, urlsplit

METADATA = "/.well-known/oauth-authorization-server"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class IssuerAddress:
    """`issuer` is the exact `iss`; `base` is where it is reached, without a slash at its end."""

    issuer: str
    base: str

    @classmethod
    def read(cls, issuer: str, *, fetch_from: str | None, allow_http: bool) -> Self:
        """Raises ValueError for what is no URL to fetch from (RFC 8414 section 2), and for http to
        another machine than this one, unless that is allowed."""
        url = fetch_from or issuer
        if complaint := _complaint(url, allow_http=allow_http):
            raise ValueError(f"Keys and revocations cannot be fetched from {url!r}: {complaint}.")
        return cls(issuer, url.rstrip("/"))

    @property
    def metadata_urls(self) -> list[str]:
        """RFC 8414 section 3.1's place first, then the one that many use; often they are one."""
        parts = urlsplit(self.base)
        inserted = parts._replace(path=METADATA + parts.path).geturl()
        return list(dict.fromkeys([inserted, self.base + METADATA]))

    @property
    def key_set_url(self) -> str:
        return f"{self.base}/.well-known/jwks.json"

    @property
    def revocations_url(self) -> str:
        return f"{self.base}/revocations"

    def resolve(self, url: object) -> str | None:
        """Where a URL of the metadata is reached; None for one of another origin, or no URL."""
        if not isinstance(url, str):
            return None
        issuer = self.issuer.rstrip("/")
        reached = self.base + url[len(issuer) :] if url.startswith(issuer + "/") else url
        try:
            return reached if _origin(urlsplit(reached)) == _origin(urlsplit(self.base)) else None
        except ValueError:
            return None


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme))


def _complaint(url: str, *, allow_http: bool) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "that is no URL"
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        return "that is no http or https URL"
    if parts.query or parts.fragment or "@" in parts.netloc:
        return "it has a query, a fragment or a password"
    if parts.scheme == "http" and not (allow_http or _is_loopback(parts.hostname)):
        return "http lets anybody on the way forge keys; use https, or allow_http=True"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
