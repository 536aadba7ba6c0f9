"""argon2id alone: `python -m benchmarks.apps.hash_loop SECONDS` prints CPU seconds a hash."""

import sys
from time import monotonic, process_time

from authapi.config import Settings
from authapi.crypto.passwords import PasswordHasher

PASSWORD = "correct horse battery staple"  # noqa: S105


def main(seconds: float) -> float:
    defaults = Settings.model_fields
    hasher = PasswordHasher(defaults["hash_memory_kib"].default, defaults["hash_time_cost"].default)
    stored = hasher.hash(PASSWORD)
    count, until, before = 0, monotonic() + seconds, process_time()
    while monotonic() < until:
        assert hasher.verify(PASSWORD, stored).valid
        count += 1
    return (process_time() - before) / count


if __name__ == "__main__":
    sys.stdout.write(f"{main(float(sys.argv[1]))}\n")
