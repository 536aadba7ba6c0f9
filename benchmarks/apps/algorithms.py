"""Signing and verifying by each algorithm: `python -m benchmarks.apps.algorithms ROUNDS`.

Prints, for each, seconds a signature and a verification round by round, and a token's length.
"""

import json
import sys
from timeit import timeit
from types import SimpleNamespace

from authapi.crypto.ids import new_id
from authapi.crypto.signing_keys import generate
from authapi.services.sessions.token_issue import ACCESS_TOKEN_TYPE, CLIENT_ID
from authapi.verifier import Verifier

TOKENS = 200  # a round
ISSUER, AUDIENCE, NOW = "http://localhost:8000", "authapi", 1_893_456_000


class Arm:
    def __init__(self, algorithm: str) -> None:
        self._key = generate(algorithm)
        verifying_key = self._key.verifying_key()
        self._verifier = Verifier(
            issuer=ISSUER,
            audience=AUDIENCE,
            jwks=SimpleNamespace(find=lambda _kid: verifying_key),
            revocations=None,
            clock=lambda: NOW,
        )
        self.told: dict[str, list[float]] = {"sign": [], "verify": []}
        self.bytes = len(self._sign())

    def round(self) -> None:
        tokens: list[str] = []
        signing = timeit(lambda: tokens.append(self._sign()), number=TOKENS)
        # Each token once, as one that is first seen.
        verifying = timeit(lambda: self._verifier.verify(tokens.pop()), number=TOKENS)
        self.told["sign"].append(signing / TOKENS)
        self.told["verify"].append(verifying / TOKENS)

    def _sign(self) -> str:
        claims = {"iss": ISSUER, "sub": new_id(), "aud": AUDIENCE, "exp": NOW + 900, "iat": NOW}
        claims |= {"jti": new_id(), "client_id": CLIENT_ID, "sid": new_id(), "auth_time": NOW}
        return self._key.sign(claims, ACCESS_TOKEN_TYPE)


arms = {algorithm: Arm(algorithm) for algorithm in ("ES256", "EdDSA", "RS256", "HS256")}
for _ in range(int(sys.argv[1]) + 1):
    for arm in arms.values():
        arm.round()
# The first round is a warm-up.
told = {name: {key: rounds[1:] for key, rounds in arm.told.items()} for name, arm in arms.items()}
json.dump({name: told[name] | {"bytes": arm.bytes} for name, arm in arms.items()}, sys.stdout)
