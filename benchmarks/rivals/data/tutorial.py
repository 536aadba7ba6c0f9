"""Tokens of the tutorial's one user, each with another `exp`, since they differ in nothing else."""

from collections.abc import Iterator
from datetime import timedelta

from benchmarks.rivals.data.command import run
from benchmarks.rivals.tutorial import ACCESS_TOKEN_EXPIRE_MINUTES, create_access_token


def credentials(count: int) -> Iterator[dict[str, str]]:
    for number in range(count):
        lifetime = timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES, seconds=number)
        yield {"access_token": create_access_token({"sub": "johndoe"}, lifetime)}


if __name__ == "__main__":
    run(None, credentials)
