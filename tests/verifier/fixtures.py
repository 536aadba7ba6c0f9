"""A signer and a verifier for each algorithm; keys are made once."""

from collections.abc import Callable
from functools import lru_cache

from authapi.verifier import KeySource, Revocations, StaticKeys, Verifier, VerifyingKey
from tests.verifier.signer import Signer, new_key

NOW = 1_800_000_000


@lru_cache
def signer_of(algorithm: str) -> Signer:
    return Signer(
        kid="the-key",
        algorithm=algorithm,
        private=new_key(algorithm) if algorithm != "HS256" else b"the secret of the HS256 signer..",
        issuer="https://auth.example",
        audience="authapi",
        now=NOW,
        sid="the-session",
    )


def key_of(signer: Signer) -> VerifyingKey:
    return VerifyingKey(signer.kid, signer.algorithm, signer.public)


def verifier_for(
    signer: Signer,
    *,
    keys: KeySource | None = None,
    revocations: Revocations | None = None,
    leeway: float = 0,
    clock: Callable[[], float] = lambda: NOW,
    cache_size: int = 10_000,
) -> Verifier:
    return Verifier(
        issuer=signer.issuer,
        audience=signer.audience,
        jwks=keys or StaticKeys({signer.kid: key_of(signer)}),
        revocations=revocations,
        leeway=leeway,
        clock=clock,
        cache_size=cache_size,
    )
