"""Signing and verifying by each algorithm: `python -m benchmarks.apps.algorithms ROUNDS`.

Prints, for each, seconds a signature and a verification round by round, and a token's length.
"""

import json
import sys
from time import perf_counter

from authapi.crypto.ids import new_id
from authapi.crypto.signing_keys import SigningKey, generate
from authapi.services.sessions.token_issue import ACCESS_TOKEN_TYPE, CLIENT_ID
from authapi.verifier import Verifier, VerifyingKey

ALGORITHMS = ("ES256", "EdDSA", "RS256", "HS256")
TOKENS = 200  # a round
ISSUER, AUDIENCE, NOW = "http://localhost:8000", "authapi", 1_893_456_000


class OneKey:
    """A key set that finds its only key."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key.verifying_key()

    def find(self, _kid: str) -> VerifyingKey:
        return self._key


class Arm:
    def __init__(self, algorithm: str) -> None:
        self._key = generate(algorithm)
        self._verifier = Verifier(
            issuer=ISSUER,
            audience=AUDIENCE,
            jwks=OneKey(self._key),
            revocations=None,
            clock=lambda: NOW,
        )
        self.bytes = len(self._sign())
        self.sign: list[float] = []
        self.verify: list[float] = []

    def round(self) -> None:
        began = perf_counter()
        tokens = [self._sign() for _ in range(TOKENS)]
        signed = perf_counter()
        for token in tokens:
            self._verifier.verify(token)
        self.sign.append((signed - began) / TOKENS)
        self.verify.append((perf_counter() - signed) / TOKENS)

    def _sign(self) -> str:
        claims = {
            "iss": ISSUER,
            "sub": new_id(),
            "aud": AUDIENCE,
            "exp": NOW + 900,
            "iat": NOW,
            "jti": new_id(),
            "client_id": CLIENT_ID,
            "sid": new_id(),
            "auth_time": NOW,
        }
        return self._key.sign(claims, ACCESS_TOKEN_TYPE)


def main(rounds: int) -> dict[str, dict[str, object]]:
    arms = {algorithm: Arm(algorithm) for algorithm in ALGORITHMS}
    for _ in range(rounds + 1):
        for arm in arms.values():
            arm.round()
    # The first round is a warm-up.
    return {
        name: {"sign": arm.sign[1:], "verify": arm.verify[1:], "bytes": arm.bytes}
        for name, arm in arms.items()
    }


if __name__ == "__main__":
    json.dump(main(int(sys.argv[1])), sys.stdout)
