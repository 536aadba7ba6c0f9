"""`python -m benchmarks.rivals.data.NAME prepare|credentials COUNT`."""

import json
import sys
from collections.abc import Callable, Iterable

PASSWORD = "correct horse battery staple"  # noqa: S105 - of users that live for one run


def run(
    prepare: Callable[[int], None] | None,
    credentials: Callable[[int], Iterable[dict[str, str]]],
) -> None:
    _, verb, count = sys.argv
    if verb == "prepare" and prepare:
        prepare(int(count))
    elif verb == "credentials":
        sys.stdout.writelines(json.dumps(line) + "\n" for line in credentials(int(count)))
    else:
        sys.exit(f"no such verb here: {verb}")
