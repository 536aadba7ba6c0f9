"""AUTHAPI_X_FILE: a file with the value of a secret or URL, as Docker and Kubernetes mount it.

What can't be read is a `Problem` in the value's place. No sentence repeats what the variable says:
a secret that was put there by mistake must not reach the log.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

SUFFIX = "_FILE"
MAX_BYTES = 64 * 1024


class Problem(ValueError):
    """A sentence about AUTHAPI_X_FILE."""


def has_file(field: str) -> bool:
    """Return whether the field's value may be in a file."""
    return field == "secret" or field.endswith("_url")


def values(
    variables: Mapping[str, str | None], fields: Iterable[str], prefix: str
) -> Iterator[tuple[str, str | Problem]]:
    """Yield each field whose file one source of settings names, with the file's value."""
    given = {name.upper(): value for name, value in variables.items()}
    for field in filter(has_file, fields):
        name = f"{prefix}{field}".upper()
        if path := (given.get(name + SUFFIX) or "").strip():
            both = given.get(name) is not None
            yield (
                field,
                Problem(f"{name} and {name}{SUFFIX} exclude each other")
                if both
                else (_read(Path(path), f"{name}{SUFFIX}")),
            )


def _read(path: Path, name: str) -> str | Problem:
    try:
        with path.open("rb") as file:
            read = file.read(MAX_BYTES + 1)
        if len(read) > MAX_BYTES:
            return Problem(f"{name} names a file of more than {MAX_BYTES // 1024} KiB")
        value = read.decode("utf-8-sig").strip()
    except OSError as error:
        return Problem(f"{name} names a file that can't be read: {error.strerror}")
    except ValueError:  # not UTF-8, or a path with a NUL
        return Problem(f"{name} names a file that is not UTF-8")
    if not value:
        return Problem(f"{name} names a file that is empty")
    return value
