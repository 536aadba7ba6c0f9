"""How much a log-in may cost: an imported hash of an absurd cost would stop all log-ins.

Each bound is about two seconds of one core, which is ten times what these schemes usually take.
"""

from typing import Any

MOST_MEMORY = 256 * 1024 * 1024  # bytes of one hash; every core may compute one
MOST_ARGON2 = 4 * 1024 * 1024  # KiB times passes
MOST_THREADS = 64  # one a lane
MOST_SCRYPT = 1 << 22  # N times r times p
MOST_ROUNDS = 3_000_000
# The time of these grows with the password, too.
MOST_OF_SCHEMES = {
    "sha512_crypt": 1_000_000,
    "sha256_crypt": 1_000_000,
    "sun_md5_crypt": 200_000,
    "phpass": 19,  # as its logarithm
}
MOST_BCRYPT = 15  # as its logarithm


def is_too_costly(parsed: Any) -> bool:  # noqa: ANN401  passlib has no types
    """Return whether a hash, as passlib's handler has parsed it, costs more than a log-in may."""
    rounds = getattr(parsed, "rounds", None)
    if rounds is None:
        return False  # one round of a quick function
    if hasattr(parsed, "memory_cost"):  # argon2
        memory, work = parsed.memory_cost * 1024, parsed.memory_cost * rounds
        return bool(memory > MOST_MEMORY or work > MOST_ARGON2 or parsed.parallelism > MOST_THREADS)
    if hasattr(parsed, "block_size"):  # scrypt
        blocks = parsed.block_size << rounds
        return bool(128 * blocks > MOST_MEMORY or blocks * parsed.parallelism > MOST_SCRYPT)
    usual = MOST_BCRYPT if parsed.rounds_cost == "log2" else MOST_ROUNDS
    return bool(rounds > MOST_OF_SCHEMES.get(parsed.name, usual))
