"""Records of a file: JSON lines, one JSON document, or CSV, in UTF-8 or UTF-16.

  the text begins with     and the product writes        is read as
  [                                                      one JSON document, an array
  {                        its users under a name        one JSON document
  {                        a user a line                 JSON lines
  anything else            CSV                           CSV with a header, as RFC 4180 has it

A record that can't be read is yielded as a BadRecordError, and the next one is read. A CommandError
ends it, where nobody can say where the next one begins: else a user of the old product could
write a text that is read as the row of another user.
"""

import codecs
import csv
import json
import re
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader, StringIO, TextIOWrapper
from typing import TypeAlias

from authapi.errors import CommandError
from authapi.services.accounts.importing.users import BadRecordError, Record

MAX_LINE = 256 * 1024  # characters of a record, which may have several lines in a CSV
MAX_RECORD = 16 * 1024 * 1024  # characters: a longer one has no end
MAX_DOCUMENT = 1024 * 1024 * 1024  # characters; it is read at once
PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}
# A quote may stand at the ends of a field, and doubled within.
QUOTED = r'"[^"]*+(?:""[^"]*+)*+"'
WELL_QUOTED = re.compile(rf'(?:{QUOTED}|[^",]*+)(?:,(?:{QUOTED}|[^",]*+))*+')
BACKSLASHED = re.compile(r'\\"(?!")')  # a backslash, and a quote that closes a field
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# Where in the file, and what is there.
Place: TypeAlias = str
Found: TypeAlias = tuple[Place, Record | BadRecordError]
Rows: TypeAlias = Iterator[list[str]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a product's file looks like.

    A JSON object must have the `members`, and `users` names the list of them in a document.
    `columns` are those that a CSV must have; a product without any has no CSV that can be read.
    """

    members: Sequence[str]
    columns: Sequence[str] = ()
    users: str | None = None


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
    """The lines of a file. Raises CommandError for a record without end.

    It doesn't raise in the middle of a CSV's record, whose rest would be read as new rows.
    """

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self._number = 0
        self.begin()

    def begin(self) -> None:
        """Forget the record before."""
        self._first = self._number + 1
        self._record = StringIO()
        self._size = 0

    @property
    def place(self) -> Place:
        """Return where the record is."""
        is_one = self._number <= self._first
        return f"line {self._first}" if is_one else f"lines {self._first} to {self._number}"

    @property
    def record(self) -> str:
        """Return the text since `begin`."""
        return self._record.getvalue()

    def check(self) -> None:
        """Raise BadRecordError if the record is too long, or no UTF-8."""
        if self._size > MAX_LINE:
            raise BadRecordError(f"It is longer than {MAX_LINE} characters.")
        record = self.record
        if not record.isascii() and any("\udc80" <= each <= "\udcff" for each in record):
            raise BadRecordError("It is no UTF-8.")

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_RECORD + 1 - self._size)
        if not line:
            raise StopIteration
        self._number += 1
        self._size += len(line)
        if self._size > MAX_RECORD:
            sentence = f"It has no end: it is longer than {MAX_RECORD} characters."
            raise CommandError(f"line {self._first}: {sentence}")
        self._record.write(line)
        return line


def _json_lines(lines: _Lines, shape: Shape) -> Iterator[Found]:
    for line in lines:
        try:
            lines.check()
            if line.strip():
                yield lines.place, _checked(_json_value(line), shape)
        except BadRecordError as problem:
            yield lines.place, problem
        lines.begin()


def _json_value(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRecordError("It is no JSON.") from error


def _csv(lines: _Lines, shape: Shape) -> Iterator[Found]:
    before = csv.field_size_limit(MAX_RECORD)  # of the whole process; csv's own is 131,072
    try:
        yield from _rows(csv.reader(lines, strict=True), lines, shape)
    finally:
        csv.field_size_limit(before)


def _rows(rows: Rows, lines: _Lines, shape: Shape) -> Iterator[Found]:
    columns = _header(rows, shape)
    # An exporter that ends rows in LF may leave a CR in a text unquoted.
    endings = {_ending(lines.record), "\r\n", ""}
    lines.begin()
    while (row := _next_row(rows, lines, endings)) is not None:
        try:
            lines.check()
            if row:
                yield lines.place, _named(row, columns)
        except BadRecordError as problem:
            yield lines.place, problem
        lines.begin()


def _next_row(rows: Rows, lines: _Lines, endings: Collection[str]) -> list[str] | None:
    """Return the fields, or None at the end. Raises CommandError."""
    try:
        row = next(rows, None)
    except csv.Error as error:
        raise _no_csv(lines, str(error)) from error
    record = lines.record
    if _ending(record) not in endings:
        raise _no_csv(lines, "it ends in another way than the header")
    if BACKSLASHED.search(record) or not WELL_QUOTED.fullmatch(record.rstrip("\r\n")):
        raise _no_csv(lines, "a quote within a field is not doubled")
    return row


def _ending(record: str) -> str:
    return record[len(record.rstrip("\r\n")) :]


def _no_csv(lines: _Lines, reason: str) -> CommandError:
    sentence = f"It is no CSV that authapi reads: {reason}."
    return CommandError(f"{lines.place}: {sentence} Nothing after it was read.")


def _header(rows: Rows, shape: Shape) -> list[str]:
    try:
        header = next(rows)
    except csv.Error as error:
        raise CommandError("The first line is neither JSON nor the header of a CSV.") from error
    if missing := [name for name in shape.columns if name not in header]:
        names = ", ".join(missing)
        raise CommandError(f"The first line is no JSON, and no CSV header that has: {names}.")
    if len(set(header)) < len(header):
        raise CommandError("The header of the CSV has a column twice.")
    return header


def _named(row: list[str], columns: list[str]) -> Record:
    if len(row) != len(columns):
        raise BadRecordError(f"It has {len(row)} columns, and not {len(columns)}.")
    return Record(zip(columns, row, strict=True))
