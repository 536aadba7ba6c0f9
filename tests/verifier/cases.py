"""Every forged, altered, mistyped or stale access token: run through the verifier and the service.

RFC 8725, RFC 7515, RFC 7519 and RFC 9068, and the advisories of JOSE libraries to this day.
ACCEPTED is the counterpart: unusual, but valid.
"""

from collections.abc import Iterator

from tests.verifier.case import SIGNATURE, Case
from tests.verifier.cases_claims import DATES, ISS_AUD, TEXT, TYPES
from tests.verifier.cases_form import FORM, JSON
from tests.verifier.cases_signature import ALG, CONFUSION, KID, SIGNATURES
from tests.verifier.signer import ABSENT, Signer, part

CASES: list[Case] = [
    *FORM,
    *JSON,
    *ALG,
    *CONFUSION,
    *KID,
    *SIGNATURES,
    *TYPES,
    *TEXT,
    *ISS_AUD,
    *DATES,
    Case(
        "expired and altered: nobody learns that it was ours",
        lambda s: s.with_another_key().token(exp=s.now - 1),
        SIGNATURE,
    ),
    Case(
        "claims replaced",
        lambda s: ".".join(
            [s.token().split(".")[0], part(s.claims(sub="admin")), s.token().split(".")[2]]
        ),
        SIGNATURE,
    ),
]

__all__ = ["ACCEPTED", "CASES", "Case", "altered"]

ACCEPTED: list[Case] = [
    Case("plain", lambda s: s.token(), ""),
    Case("application/at+jwt", lambda s: s.token_with_header(typ="application/at+jwt"), ""),
    Case("typ in capitals", lambda s: s.token_with_header(typ="AT+JWT"), ""),
    Case("aud in a list", lambda s: s.token(aud=[s.audience]), ""),
    Case("aud among others", lambda s: s.token(aud=["billing", s.audience]), ""),
    Case("exp in a second", lambda s: s.token(exp=s.now + 1), ""),
    Case("exp an hour after iat", lambda s: s.token(exp=s.now + 3600), ""),
    Case("the last exp", lambda s: s.token(exp=s.now + 3660, iat=s.now + 60), ""),
    Case("iat a minute ahead", lambda s: s.token(iat=s.now + 60), ""),
    Case("nbf now", lambda s: s.token(nbf=s.now), ""),
    Case("no scope, no auth_time", lambda s: s.token(scope=ABSENT, auth_time=ABSENT), ""),
    Case("an empty scope", lambda s: s.token(scope=""), ""),
    Case("a foreign sub", lambda s: s.token(sub="Ünïcode 用户"), ""),
    Case("claims of others", lambda s: s.token(tenant={"a": [1, 2.5, None]}, n=2**63), ""),
    Case("lists 30 deep", lambda s: s.sign(s.header(), _deep(s)), ""),
    Case("braces in a string", lambda s: s.token(tenant="{[" * 100), ""),
    Case("white space in the JSON", lambda s: s.sign(s.header(), _spaced(s)), ""),
    Case("unknown header", lambda s: s.token_with_header(org="x"), ""),
    Case(
        "headers that offer keys, not looked at",
        lambda s: s.token_with_header(
            jku="https://evil.example", jwk={"kty": "oct", "k": ""}, x5u="x", x5c=[]
        ),
        "",
    ),
]


def _deep(signer: Signer) -> dict[str, object]:
    value: object = 1
    for _ in range(30):
        value = [value]
    return signer.claims(nested=value)


def _spaced(signer: Signer) -> bytes:
    members = ",\r\n\t".join(
        f'"{name}" : {value}' if isinstance(value, int) else f'"{name}":\n"{value}"'
        for name, value in signer.claims().items()
    )
    return f" {{ {members} }} \n".encode()


def altered(token: str) -> Iterator[str]:
    """The token with each of its characters replaced by others, and left out."""
    for position, character in enumerate(token):
        before, after = token[:position], token[position + 1 :]
        yield before + after
        for other in {"A", "B", "-", "_", "g", ".", "=", chr(ord(character) ^ 1)} - {character}:
            yield before + other + after
