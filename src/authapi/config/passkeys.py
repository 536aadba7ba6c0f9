"""The rules for the settings of passkeys: the relying party, and the origins that may use it."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from authapi.config.values import DEFAULT_PORTS, exact_origin

DOMAIN = re.compile(r"(?!.{254})[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
# Of an Android app, by the SHA-256 of its certificate.
ANDROID = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")


def rp_id(text: str) -> str:
    """Return the id of a WebAuthn relying party: a domain as browsers write it."""
    if not DOMAIN.fullmatch(text):
        raise ValueError("has to be a domain in lower case, such as example.com")
    return text


def origin(text: str) -> str:
    """Return one origin whose pages or apps may use the passkeys."""
    if ANDROID.fullmatch(text):
        return text
    if text.partition("://")[0] not in DEFAULT_PORTS:
        raise ValueError("takes https origins, and android:apk-key-hash:… for apps")
    return exact_origin(text)


def foreign_rp_id(wanted: str, public_url: str) -> Iterator[str]:
    """Yield a sentence for a relying party that the host of PUBLIC_URL may not be."""
    host = urlsplit(public_url).hostname or ""
    if wanted != host:
        from fido2.rpid import verify_rp_id  # slow to import: it reads every public suffix

        if "." not in wanted or not verify_rp_id(wanted, f"https://{host}"):
            yield (
                "AUTHAPI_PASSKEY_RP_ID has to be the host of AUTHAPI_PUBLIC_URL, or a domain above "
                "it that one organisation has"
            )
