"""`python -m benchmarks.rivals.fill MODULE COUNT`: users of a rival, by the library's own code.

MODULE's `fill` makes tables and so many users; a credential of each is printed as a JSON line.
"""

import json
import sys
from importlib import import_module

_, module, count = sys.argv
for credential in import_module(f"benchmarks.rivals.{module}").fill(int(count)):
    sys.stdout.write(f"{json.dumps(credential)}\n")
