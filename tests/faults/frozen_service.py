"""A service in a process of its own, to be frozen: each line that it reads is a token to verify.

Argument: the issuer. It answers a line with `accepted` or why not, and the seconds that it took;
`ready` once it has heard of the issuer's revocations.
"""

import sys
from time import monotonic, sleep

from authapi.verifier import InvalidTokenError, Verifier


def main(issuer: str) -> None:
    with Verifier(issuer=issuer, audience="authapi", catch_up=2) as verifier:
        while not verifier.status().is_ready:
            sleep(0.01)
        print("ready", flush=True)
        for line in sys.stdin:
            began = monotonic()
            try:
                verifier.verify(line.strip())
                answer = "accepted"
            except InvalidTokenError as error:
                answer = error.reason
            print(answer, monotonic() - began, sep="|", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
