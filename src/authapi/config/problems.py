"""Says what is wrong with the settings: names the variable, and never shows its value."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from authapi.config import value_files

PREFIX = "AUTHAPI_"
# Kubernetes gives these to every container that runs beside a Service named authapi(-something).
# Linear: what may be followed by anything is looked for once.
KUBERNETES = re.compile(
    r"AUTHAPI_(\w+_)?(SERVICE_HOST|SERVICE_PORT|PORT(_\d+_(TCP|UDP|SCTP))?)"
    r"|AUTHAPI(?>\w*?_(SERVICE_PORT|PORT_\d+_(TCP|UDP|SCTP))_)\w+"
)


def variable(field: str) -> str:
    """Return the environment variable of a field of Settings."""
    return f"{PREFIX}{field}".upper()


def unknown_names(source: EnvSettingsSource, fields: Collection[str]) -> set[str]:
    """Return the AUTHAPI_ variables that no field reads."""
    names = {name.upper() for name in source.env_vars}
    ours = {name for name in names if name.startswith(PREFIX) and not KUBERNETES.fullmatch(name)}
    files = {
        variable(field) + value_files.SUFFIX for field in fields if value_files.has_file(field)
    }
    return ours - {variable(field) for field in fields} - files


def unreadable_lines(path: Path) -> set[str]:
    """Return the lines of .env that hold a setting and that python-dotenv skips."""
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8-sig") as lines:
        return {
            f"{path.name} line {binding.original.line}"
            for binding in parse_stream(lines)
            if PREFIX in binding.original.string.upper().partition("#")[0]
            and (binding.error or binding.value is None)
        }


def sentences(problems: list[ErrorDetails], fields: Collection[str]) -> Iterator[str]:
    """Yield one sentence for each of pydantic's problems."""
    for problem in problems:
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if problem["type"] == "extra_forbidden":
            yield _stray(name, fields)
        else:
            yield f"{variable(name) if name else ''} {_message(problem)}.".strip()


def _stray(name: str, fields: Collection[str]) -> str:
    if " line " in name:
        return f"{name} can't be read: write AUTHAPI_NAME=value."
    field = name.removeprefix(PREFIX).lower()
    nearest = get_close_matches(field, fields, n=1)
    hint = (
        f"Did you mean {variable(nearest[0])}?" if nearest else "`authapi config` lists them all."
    )
    return f"{variable(field)} is not a setting. {hint}"


def _message(problem: ErrorDetails) -> str:
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    return re.sub("^Input should", "should", message)
