"""Codes of an authenticator app: TOTP (RFC 6238) with SHA-1, 6 digits and 30 seconds.

Other values are allowed by the RFC, and many apps ignore them without a word.
"""

import hmac
from base64 import b32encode
from secrets import token_bytes
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226 section 4: 160 bits
SIDES = 1  # steps before and after now that are accepted: RFC 6238 section 5.2


def new_secret() -> bytes:
    return token_bytes(SECRET_BYTES)


def as_text(secret: bytes) -> str:
    """Return the secret as it is typed into an app: base32 without padding."""
    return b32encode(secret).decode().rstrip("=")


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step, which is Unix time divided by STEP_SECONDS (RFC 4226 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8), "sha1")
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def find_step(secret: bytes, typed: str, now: float) -> int | None:
    """Return the newest step around `now` (Unix seconds) whose code was typed, or None.

    Spaces and hyphens don't count: apps show the code in groups.
    """
    given = typed.replace(" ", "").replace("-", "").encode()
    current = int(now) // STEP_SECONDS
    steps = range(current - SIDES, current + SIDES + 1)
    matches = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), given)]
    return max(matches, default=None)


def otpauth_uri(secret: bytes, issuer: str, account: str) -> str:
    """Return what an app reads from a QR code ("Key Uri Format")."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    values = {"secret": as_text(secret), "issuer": issuer, "algorithm": "SHA1"}
    values |= {"digits": str(DIGITS), "period": str(STEP_SECONDS)}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"
