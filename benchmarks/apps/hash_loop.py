"""argon2id alone: `python -m benchmarks.apps.hash_loop SECONDS [KIB PASSES]`.

Prints CPU seconds a hash, of the default settings by default.
"""

import sys
from time import monotonic, process_time

from authapi.config import Settings
from authapi.crypto.passwords import PasswordHasher

DEFAULTS = [Settings.model_fields[name].default for name in ("hash_memory_kib", "hash_time_cost")]

hasher = PasswordHasher(*([int(word) for word in sys.argv[2:]] or DEFAULTS))
stored = hasher.hash("correct horse battery staple")
count, until, before = 0, monotonic() + float(sys.argv[1]), process_time()
while monotonic() < until:
    assert hasher.verify("correct horse battery staple", stored).valid
    count += 1
sys.stdout.write(f"{(process_time() - before) / count}\n")
