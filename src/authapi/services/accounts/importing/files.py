"""Records of a file: JSON lines, one JSON document, or CSV, in UTF-8 or UTF-16.

  the text begins with     and the product writes        is read as
  [                                                      one JSON document, an array
  {                        its users under a name        one JSON document
  {                        a user a line                 JSON lines
  anything else            CSV                           CSV, with a header or the product's columns

A record that can't be read is yielded as a BadRecordError, and the next one is read. A file that
can't be read at all is a CommandError.
"""

import codecs
import csv
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from typing import Any, TypeAlias

from authapi.errors import CommandError
from authapi.services.accounts.importing.users import BadRecordError, Record

MAX_LINE = 256 * 1024  # characters
MAX_DOCUMENT = 1024 * 1024 * 1024  # characters; it is read at once
PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# Where in the file, and what is there.
Place: TypeAlias = str
Found: TypeAlias = tuple[Place, Record | BadRecordError]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a product's file looks like.

    A JSON object must have the `members`, and `users` names the list of them in a document.
    `columns` are those that a CSV must have; with `has_header` false they are its columns, in this
    order. A product without any writes no CSV.
    """

    members: Sequence[str]
    columns: Sequence[str] = ()
    users: str | None = None
    has_header: bool = True


def read_records(file: BufferedReader, shape: Shape) -> Generator[Found, None, None]:
    """Yield each record with its place. Raises CommandError, OSError. Close it before the file."""
    head = file.peek(4096)
    for magic, name in PACKED.items():
        if head.startswith(magic):
            raise CommandError(f"The file is packed with {name}: unpack it first.")
    is_utf16 = head.startswith(UTF16)
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    errors = "strict" if is_utf16 else "surrogateescape"
    beginning = head.decode(encoding, "ignore").lstrip()
    text = TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
    try:
        yield from _found(text, beginning[:1], shape)
    except UnicodeDecodeError as error:
        raise CommandError("The file begins like UTF-16, and goes on as something else.") from error
    finally:
        text.detach()  # its owner closes the file


def _found(text: TextIOWrapper, beginning: str, shape: Shape) -> Iterator[Found]:
    if not beginning:
        raise CommandError("The file is empty.")
    if beginning == "[" or (beginning == "{" and shape.users):
        return _document(text, shape)
    if beginning == "{":
        return _json_lines(_Lines(text), shape)
    if not shape.columns:
        raise CommandError("The file is no JSON.")
    return _csv(_Lines(text), shape)


def _document(text: TextIOWrapper, shape: Shape) -> Iterator[Found]:
    whole = text.read(MAX_DOCUMENT + 1)
    if len(whole) > MAX_DOCUMENT:
        raise CommandError("The JSON document is longer than 1 GiB: split it.")
    try:
        users = json.loads(whole)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise CommandError(f"The file begins like JSON, and is none{where}.") from error
    if isinstance(users, dict):
        users = users.get(shape.users)
    if not isinstance(users, list):
        raise CommandError(f'The JSON document has no list "{shape.users}".')
    for number, user in enumerate(users, 1):
        try:
            yield f"user {number}", _checked(user, shape)
        except BadRecordError as problem:
            yield f"user {number}", problem


def _checked(value: object, shape: Shape) -> Record:
    """Return a JSON object that has the product's members. Raises BadRecordError."""
    if not isinstance(value, dict):
        raise BadRecordError("It is no JSON object.")
    if missing := [name for name in shape.members if name not in value]:
        raise BadRecordError(f"It has no member {missing[0]}.")
    return Record(value)


class _Lines:
    """An iterator over the lines, which goes on after it has raised BadRecordError."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith(("\n", "\r")):
                line = self._text.readline(MAX_LINE)
            raise BadRecordError(f"It is longer than {MAX_LINE} characters.")
        if not line.isascii() and any("\udc80" <= each <= "\udcff" for each in line):
            raise BadRecordError("It is no UTF-8.")
        return line


def _json_lines(lines: _Lines, shape: Shape) -> Iterator[Found]:
    while True:
        try:
            line = next(lines)
            if line.strip():
                yield f"line {lines.number}", _checked(_json_value(line), shape)
        except BadRecordError as problem:
            yield f"line {lines.number}", problem
        except StopIteration:
            return


def _json_value(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRecordError("It is no JSON.") from error


def _csv(lines: _Lines, shape: Shape) -> Iterator[Found]:
    rows = csv.reader(lines, strict=True)
    columns = _header(rows, shape) if shape.has_header else list(shape.columns)
    while True:
        first = lines.number + 1
        found: Record | BadRecordError
        try:
            row = next(rows)
            if not row:
                continue
            found = _named(row, columns, shape)
        except StopIteration:
            return
        except BadRecordError as problem:
            found = problem
        except csv.Error as error:
            found = BadRecordError(f"It is no CSV: {error}.")
        is_one = lines.number <= first
        yield f"line {first}" if is_one else f"lines {first} to {lines.number}", found


def _header(rows: Any, shape: Shape) -> list[str]:  # noqa: ANN401  csv's reader has no public type
    try:
        header = next(rows)
    except (csv.Error, BadRecordError) as error:
        raise CommandError("The first line is neither JSON nor the header of a CSV.") from error
    if missing := [name for name in shape.columns if name not in header]:
        names = ", ".join(missing)
        raise CommandError(f"The first line is no JSON, and no CSV header that has: {names}.")
    if len(set(header)) < len(header):
        raise CommandError("The header of the CSV has a column twice.")
    return list(header)


def _named(row: list[str], columns: list[str], shape: Shape) -> Record:
    """Return the row under its names. Without a header there may be more columns than we know."""
    expected, is_right = len(columns), len(row) == len(columns)
    if not is_right and (shape.has_header or len(row) < expected):
        raise BadRecordError(f"It has {len(row)} columns, and not {expected}.")
    return Record(zip(columns, row, strict=False))
