"""Does time tell who has an account? Refused log-ins of known and of unknown names in turn."""

import gc
import json
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection
from itertools import chain
from time import perf_counter

from passlib.hash import bcrypt, pbkdf2_sha256, scrypt  # type: ignore[import-untyped]

from authapi.crypto.passwords import PasswordHasher
from benchmarks.harness.processes import BenchmarkError, on_core
from benchmarks.harness.rounds import Outcome, Ratio
from benchmarks.harness.stage import Stage
from benchmarks.ours import authapi, deployment
from benchmarks.seed import PASSWORD, Seed, email

USERS = 1000
PAIRS = 200  # a round; five rounds leave the AUC a standard error of 0.013
WARM_UP = 10
WEAKER = (9728, 1)  # KiB and passes


def fresh(stage: Stage) -> Outcome:
    """AUC of the times of refused log-ins, known and unknown names: one setting of the hash."""
    return _auc_of(stage, [])


def raised(stage: Stage) -> Outcome:
    """The same after HASH_* was raised: three of four stored hashes are of the old settings."""
    new, old = PasswordHasher(19456, 2), PasswordHasher(*WEAKER)
    return _auc_of(stage, [new.hash(PASSWORD), *(old.hash(PASSWORD) for _ in range(3))])


def imported(stage: Stage) -> Outcome:
    """The same after an import: bcrypt, PBKDF2, scrypt, two settings of argon2, in equal parts."""
    argon2 = [PasswordHasher(19456, 2), PasswordHasher(*WEAKER)]
    others = [bcrypt.using(rounds=8), pbkdf2_sha256.using(rounds=20_000), scrypt.using(rounds=12)]
    return _auc_of(stage, [str(scheme.hash(PASSWORD)) for scheme in (*argon2, *others)])


def auc(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return how probably one of the `ones` is greater than one of the `others`; 0.5: no telling.

    A tie counts half.
    """
    ordered = sorted(others)
    less = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in ones)
    return less / 2 / len(ones) / len(others)


def _auc_of(stage: Stage, hashes: Sequence[str]) -> Outcome:
    ours = deployment(stage)
    Seed(ours, USERS, hashes)
    server = authapi(stage, ours)
    users = random.Random(1).sample(range(USERS), USERS)  # noqa: S311 - the same in each run
    rounds = []
    with on_core(stage.load_core), closing(HTTPConnection("127.0.0.1", server.port)) as client:
        for _ in range(WARM_UP):
            _seconds(client, "nobody@example.com")
        for number in range(stage.rounds):
            chosen = users[number * PAIRS % USERS :][:PAIRS]
            rounds.append(_round(client, chosen, number))
    known, unknown = (list(chain(*times)) for times in zip(*rounds, strict=True))
    together = auc(known, unknown)
    figures = {"known ms": _median_ms(known), "unknown ms": _median_ms(unknown), "AUC": together}
    of_rounds = tuple(_either_way(auc(*times)) for times in rounds)
    return Outcome(Ratio(of_rounds, _either_way(together)), figures=figures)


def _round(
    client: HTTPConnection, users: Sequence[int], number: int
) -> tuple[list[float], list[float]]:
    """Return the seconds of known and of unknown names; either may come first."""
    times: tuple[list[float], list[float]] = [], []
    first = random.Random(number)  # noqa: S311 - no secret
    gc.disable()
    try:
        for user in users:
            pair = [(0, email(user)), (1, f"nobody-{number}-{user}@example.com")]
            first.shuffle(pair)
            for which, name in pair:
                times[which].append(_seconds(client, name))
    finally:
        gc.enable()
    return times


def _seconds(client: HTTPConnection, name: str) -> float:
    body = json.dumps({"email": name, "password": "none of these is right"})
    began = perf_counter()
    client.request("POST", "/login", body, {"Content-Type": "application/json"})
    answer = client.getresponse()
    answer.read()
    took = perf_counter() - began
    if answer.status != 401:
        raise BenchmarkError(f"a wrong password was answered {answer.status}")
    return took


def _median_ms(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 2] * 1e3


def _either_way(value: float) -> float:
    return max(value, 1 - value)
