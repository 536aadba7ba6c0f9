"""Services that follow an issuer's revocations: when does each refuse?

`python -m benchmarks.apps.followers ISSUER FIRST COUNT FILE-OF-TOKENS`

So many verifiers, in this process. Prints `ready` when each accepts the first token; then, for each
verifier, the moments (CLOCK_MONOTONIC, in seconds) at which it first refused each token. The tokens
are to be revoked in the order of the file, within TIMEOUT_SECONDS.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

import httpx

from authapi.verifier import InvalidTokenError, Verifier

TIMEOUT_SECONDS = 180
PAUSE = 0.005  # looking takes processor time from those that follow


def main(issuer: str, first: int, count: int, tokens: Sequence[str]) -> list[list[float]]:
    with ExitStack() as running:
        verifiers = [
            running.enter_context(_follower(issuer, first + number)) for number in range(count)
        ]
        deadline = monotonic() + TIMEOUT_SECONDS
        while any(_refuses(one, tokens[0]) for one in verifiers):
            _wait(deadline)
        for verifier in verifiers:  # which remembers them: a look is cheap from now on
            assert not any(_refuses(verifier, token) for token in tokens)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        refused: list[list[float]] = [[] for _ in verifiers]
        while any(len(one) < len(tokens) for one in refused):
            for verifier, moments in zip(verifiers, refused, strict=True):
                while len(moments) < len(tokens) and _refuses(verifier, tokens[len(moments)]):
                    moments.append(monotonic())
            _wait(deadline)
    return refused


def _follower(issuer: str, number: int) -> Verifier:
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.1.{number}")
    return Verifier(issuer=issuer, audience="authapi", transport=transport)


def _refuses(verifier: Verifier, token: str) -> bool:
    try:
        verifier.verify(token)
    except InvalidTokenError:
        return True
    return False


def _wait(deadline: float) -> None:
    assert monotonic() < deadline, "a token is still accepted"
    sleep(PAUSE)


if __name__ == "__main__":
    lines = Path(sys.argv[4]).read_text(encoding="utf-8").splitlines()
    json.dump(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), lines), sys.stdout)
