"""argon2id alone: `python -m benchmarks.apps.hash_loop SECONDS [KIB PASSES]`.

Prints CPU seconds a hash, by default of the default settings.
"""

import sys
from time import monotonic, process_time

from authapi.config import Settings
from authapi.crypto.passwords import PasswordHasher

PASSWORD = "correct horse battery staple"  # noqa: S105


DEFAULTS = [Settings.model_fields[name].default for name in ("hash_memory_kib", "hash_time_cost")]


def main(seconds: float, memory_kib: int, passes: int) -> float:
    hasher = PasswordHasher(memory_kib, passes)
    stored = hasher.hash(PASSWORD)
    count, until, before = 0, monotonic() + seconds, process_time()
    while monotonic() < until:
        assert hasher.verify(PASSWORD, stored).valid
        count += 1
    return (process_time() - before) / count


if __name__ == "__main__":
    parameters = [int(word) for word in sys.argv[2:]] or DEFAULTS
    sys.stdout.write(f"{main(int(sys.argv[1]), *parameters)}\n")
