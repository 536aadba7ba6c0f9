"""The claims of an ID token (OpenID Connect Core section 3.1.3.7), after its signature.

| claim          | must be                                                                  |
| -------------- | ------------------------------------------------------------------------ |
| iss            | the setting's issuer, exactly. The token never chooses it                |
| aud            | one of the setting's `audiences`, or a list of text that holds one       |
| azp            | one of `audiences`; may be missing, unless `aud` names several           |
| sub            | printable text of 1 to 255 characters                                    |
| exp            | a whole number of seconds, after now (and the leeway)                    |
| iat            | the same, at most 10 minutes ago and 60 s ahead                          |
| nbf            | the same, at most 60 s ahead; may be missing                             |
| nonce          | the request's, or its SHA-256 in hex or in base64url. Either both the    |
|                | token and the request have one, or neither                               |
| events         | missing: a log-out token has it, and is signed by the same keys          |
| email          | text, may be missing                                                     |
| email_verified | true, or "true" as Apple sends it: verified. Anything else: not verified |

The header has an `alg` of the key's (RS256, ES256 or EdDSA, never HS256), a `kid`, and as `typ`
nothing or JWT. Whose it is, only `iss` and `sub` say. An address may be another person's tomorrow.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from authapi.config.identity_providers import IdentityProvider
from authapi.verifier import InvalidTokenError
from authapi.verifier.claims import Rules, is_audience, is_date, is_text, named, require_form
from authapi.verifier.jws import NO_TYPE
from authapi.verifier.lifetimes import IAT_TOLERANCE_SECONDS

MAX_ID_TOKEN_BYTES = 16 * 1024
MAX_SUBJECT = 255  # OpenID Connect Core section 2
MOST_SECONDS_OLD = 600
TYPES = frozenset({NO_TYPE, "jwt"})


@dataclass(frozen=True, slots=True)
class IdToken:
    """An ID token as it was sent, and the nonce that the client chose for it."""

    provider: str
    token: str = field(repr=False)
    nonce: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Who an ID token names. `verified_email` is the address, if the provider has verified it."""

    provider: str
    issuer: str
    subject: str
    verified_email: str | None


def _is_subject(value: object) -> bool:
    return is_text(value) and len(str(value)) <= MAX_SUBJECT


REQUIRED: Rules = {
    "iss": is_text,
    "sub": _is_subject,
    "aud": is_audience,
    **dict.fromkeys(("exp", "iat"), is_date),
}
OPTIONAL: Rules = {"azp": is_text, "nbf": is_date, "nonce": is_text}


def read_id_token(
    payload: Mapping[str, Any],
    provider: IdentityProvider,
    nonce: str | None,
    *,
    now: float,
    leeway: float,
) -> Person:
    """Return the person. Raises InvalidTokenError unless the table above holds."""
    require_form(payload, REQUIRED, OPTIONAL)
    if payload["iss"] != provider.issuer:
        raise InvalidTokenError("iss names another issuer")
    if "events" in payload:
        raise InvalidTokenError("it is a log-out token")
    _require_audience(payload, frozenset(provider.audiences))
    _require_in_force(payload, now=now, leeway=leeway)
    _require_nonce(payload.get("nonce"), nonce)
    email, is_verified = payload.get("email"), payload.get("email_verified")
    has_verified = isinstance(email, str) and (is_verified is True or is_verified == "true")
    return Person(
        provider=provider.name,
        issuer=provider.issuer,
        subject=payload["sub"],
        verified_email=str(email) if has_verified else None,
    )


def _require_audience(payload: Mapping[str, Any], audiences: frozenset[str]) -> None:
    meant = named(payload["aud"])
    if audiences.isdisjoint(meant):
        raise InvalidTokenError("aud names none of the setting's audiences")
    if "azp" not in payload and len(meant) > 1:
        raise InvalidTokenError("aud names several, and there is no azp")
    if "azp" in payload and payload["azp"] not in audiences:
        raise InvalidTokenError("azp is none of the setting's audiences")


def _require_in_force(payload: Mapping[str, Any], *, now: float, leeway: float) -> None:
    if now >= payload["exp"] + leeway:
        raise InvalidTokenError("the token has expired")
    if payload["iat"] < now - MOST_SECONDS_OLD - leeway:
        raise InvalidTokenError("iat is over ten minutes ago")
    if max(payload["iat"], payload.get("nbf", 0)) > now + IAT_TOLERANCE_SECONDS:
        raise InvalidTokenError("iat or nbf lies in the future")


def _require_nonce(said: str | None, sent: str | None) -> None:
    if (said is None) != (sent is None):
        raise InvalidTokenError("a nonce is in one of the token and the request only")
    if said is None or sent is None:
        return
    digest = sha256(sent.encode(errors="surrogatepass"))
    encoded = urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    # Apple's and Google's libraries put into the token what they are given. Apps give either.
    accepted = (sent, digest.hexdigest(), encoded)
    if not any(_are_equal(said, each) for each in accepted):
        raise InvalidTokenError("the nonce is not the request's")


def _are_equal(one: str, other: str) -> bool:
    return hmac.compare_digest(
        one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass")
    )
