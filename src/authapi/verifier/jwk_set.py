"""JWK Sets (RFC 7517): from the document to keys that verify."""

from collections.abc import Mapping
from typing import Any

import jwt

from authapi.verifier.keys import ALGORITHMS, VerifyingKey


def parse_jwk_set(document: Mapping[str, Any], *, secrets: bool = False) -> dict[str, VerifyingKey]:
    """The keys of a JWK Set by their `kid`.

    A key for another purpose than verifying, of an algorithm that is not ours, or without `kid` or
    `alg` is skipped (RFC 7517 section 5). So are `oct` keys unless `secrets` is true: a secret
    that was fetched from a public address is none.
    Raises ValueError where the document is not a JWK Set, a key of ours is unusable, a `kid`
    stands twice (it would name two keys, RFC 8725 section 3.1), or no key is left.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError('A JWK Set is an object with a list "keys" (RFC 7517 section 5).')  # noqa: TRY004
    keys: dict[str, VerifyingKey] = {}
    for jwk in entries:
        if not _is_for_us(jwk, secrets=secrets):
            continue
        if jwk["kid"] in keys:
            raise ValueError(f"The JWK Set names two keys {jwk['kid']!r}.")
        keys[jwk["kid"]] = _parse(jwk)
    if not keys:
        names = ", ".join(ALGORITHMS)
        raise ValueError(f'The JWK Set holds no key with "kid" and an "alg" of {names}.')
    return keys


class StaticKeys:
    """A key source that never changes."""

    def __init__(self, keys: Mapping[str, VerifyingKey]) -> None:
        self._keys = dict(keys)

    def find(self, kid: str) -> VerifyingKey | None:
        return self._keys.get(kid)


def _is_for_us(jwk: object, *, secrets: bool) -> bool:
    if not isinstance(jwk, dict) or jwk.get("alg") not in tuple(ALGORITHMS):
        return False
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    return (
        isinstance(kid, str)
        and kid != ""
        and jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and (secrets or jwk["alg"] != "HS256")
    )


def _parse(jwk: dict[str, Any]) -> VerifyingKey:
    kid, algorithm = jwk["kid"], jwk["alg"]
    try:
        key = ALGORITHMS[algorithm].from_jwk(jwk)
    except (jwt.InvalidKeyError, ValueError, TypeError, KeyError):
        # `from None`: the cause may quote a secret.
        raise ValueError(
            f"The key {kid!r} of the JWK Set is not a valid {algorithm} key."
        ) from None
    return VerifyingKey(kid, algorithm, key)
