"""The claims of an access token (RFC 9068 section 2.2), and when the token is in force.

| claim                  | must be                                                            |
| ---------------------- | ------------------------------------------------------------------ |
| iss                    | our issuer, exactly                                                |
| aud                    | one of our audiences, exactly, or a list of text that holds one    |
| sub sid jti client_id  | text, not empty, printable                                         |
| exp iat                | a whole number of Unix seconds, 0 to 2**53                         |
| nbf auth_time          | the same, may be missing                                           |
| exp - iat              | at most 3600: revocations and compromised keys count on it         |
| scope                  | printable ASCII (RFC 6749 section 3.3), may be missing             |

now < exp + leeway; nbf - leeway <= now; iat - 60 s <= now, since verifiers' clocks lag.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from authapi.verifier.errors import InvalidTokenError
from authapi.verifier.lifetimes import IAT_TOLERANCE_SECONDS, MAX_ACCESS_TOKEN_SECONDS

MAX_DATE = 2**53  # above it, JSON numbers lose whole seconds (RFC 7493 section 2.2)


@dataclass(frozen=True, slots=True)
class Claims:
    """A verified access token. Times are Unix seconds; `raw` is the payload, read-only."""

    sub: str
    sid: str
    scopes: frozenset[str]
    expires_at: int
    issued_at: int
    key_id: str
    raw: Mapping[str, Any] = field(hash=False, repr=False)
    # The generation of the RevocationSet that let these claims pass, and need not look again.
    passed: object = field(default=None, init=False, repr=False, compare=False)

    @property
    def audiences(self) -> frozenset[str]:
        """Return the services that the token is for. A session that was looked up names none."""
        return named(self.raw.get("aud", ()))

    @property
    def auth_time(self) -> int | None:
        """Return when the user logged in, in Unix seconds. A foreign issuer may not say."""
        logged_in_at: int | None = self.raw.get("auth_time")
        return logged_in_at

    @property
    def acr(self) -> str | None:
        """Return how strong the log-in was: `aal1`, or `aal2` with a second factor."""
        level = self.raw.get("acr")
        return level if isinstance(level, str) else None

    @property
    def amr(self) -> tuple[str, ...]:
        """Return what was proven at the log-in, in the words of RFC 8176: `pwd`, `otp`, `mfa`."""
        proven = self.raw.get("amr")
        return tuple(map(str, proven)) if isinstance(proven, list | tuple) else ()


def is_text(value: object) -> bool:
    # Printable: these go into logs, headers and queries, where a line break or NUL does harm.
    return isinstance(value, str) and value != "" and value.isprintable()


def is_date(value: object) -> bool:
    # bool is an int for isinstance; a float or a string is what lax libraries take for a date.
    return type(value) is int and 0 <= value < MAX_DATE


def _is_scope(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def is_audience(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(name, str) for name in value)
    )


Rules = Mapping[str, Callable[[object], bool]]
TEXTS = ("iss", "sub", "sid", "jti", "client_id")
REQUIRED: Rules = {
    **dict.fromkeys(TEXTS, is_text),
    "aud": is_audience,
    **dict.fromkeys(("exp", "iat"), is_date),
}
OPTIONAL: Rules = {"nbf": is_date, "auth_time": is_date, "scope": _is_scope}


def require_form(payload: Mapping[str, Any], required: Rules, optional: Rules) -> None:
    """Raise InvalidTokenError unless each claim has the form that its rule asks for."""
    for name, holds in required.items():
        if not holds(payload.get(name)):
            raise InvalidTokenError(f"{name} is missing or malformed")
    for name, holds in optional.items():
        if name in payload and not holds(payload[name]):
            raise InvalidTokenError(f"{name} is malformed")


def named(aud: Any) -> frozenset[str]:  # noqa: ANN401 - as is_audience
    return frozenset((aud,) if isinstance(aud, str) else aud)


def read_claims(
    payload: dict[str, Any], *, key_id: str, issuer: str, audiences: Set[str]
) -> Claims:
    """Return the claims of a payload whose signature was verified, whatever the time.

    Raises InvalidTokenError unless the table above holds.
    """
    require_form(payload, REQUIRED, OPTIONAL)
    if payload["iss"] != issuer:
        raise InvalidTokenError(f"iss names another issuer: {payload['iss']!r}, not {issuer!r}")
    if audiences.isdisjoint(named(payload["aud"])):
        raise InvalidTokenError("aud does not name this service")
    if payload["exp"] - payload["iat"] > MAX_ACCESS_TOKEN_SECONDS:
        raise InvalidTokenError("exp is over an hour after iat")
    return Claims(
        sub=payload["sub"],
        sid=payload["sid"],
        scopes=frozenset(payload.get("scope", "").split()),
        expires_at=payload["exp"],
        issued_at=payload["iat"],
        key_id=key_id,
        raw=MappingProxyType(payload),
    )


def in_force(claims: Claims, *, leeway: float) -> tuple[float, float]:
    """Return from when and before when the token is in force, in Unix seconds."""
    not_before = claims.raw.get("nbf", 0) - leeway
    return max(_tolerated_from(claims), not_before), claims.expires_at + leeway


def out_of_force(claims: Claims, *, now: float, leeway: float) -> InvalidTokenError:
    """Return the refusal of a token that is not in force at `now`."""
    if now >= claims.expires_at + leeway:
        return InvalidTokenError("the token has expired")
    if now < _tolerated_from(claims):
        return InvalidTokenError("iat lies in the future")
    return InvalidTokenError("the token is not valid yet")


def _tolerated_from(claims: Claims) -> float:
    return claims.issued_at - IAT_TOLERANCE_SECONDS  # more than any leeway
