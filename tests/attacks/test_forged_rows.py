"""A user of the old product writes a text that is read as the row of another user.

The kind: a reader that starts afresh in the middle of a field. Whatever can't be read well is
refused as a whole, or nothing after it is read.
"""

import csv
import json
import tracemalloc
from contextlib import closing
from io import BufferedReader, BytesIO, RawIOBase, StringIO
from typing import Any

import pytest

from authapi.errors import CommandError
from authapi.services.accounts.importing import files
from authapi.services.accounts.importing.products import product_of
from authapi.services.accounts.importing.users import BadRecordError

VICTIM = "admin@victim.example"
COLUMNS = ("email", "hashed_password", "is_active", "is_verified", "bio")
FORGED = f"{VICTIM},$2b$04$hash,t,t,z"
SHAPE = product_of("fastapi-users", project=None, now=0).shape


def read(content: bytes | RawIOBase) -> tuple[list[str], list[str], str]:
    """Return the addresses, the refusals, and the sentence that stopped it."""
    source: Any = BytesIO(content) if isinstance(content, bytes) else content
    emails, refused, stopped = [], [], ""
    with closing(files.read_records(BufferedReader(source), SHAPE)) as records:
        try:
            for place, found in records:
                if isinstance(found, BadRecordError):
                    refused.append(f"{place}: {found}")
                else:
                    emails.append(found["email"])
        except CommandError as error:
            stopped = str(error)
    return emails, refused, stopped


def row(email: str, bio: str = "") -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow((email, "$2b$04$hash", "t", "f", bio))
    return text.getvalue()


HEADER = ",".join(COLUMNS) + "\n"
AFTER = row("after@example.com")
PREFIX = "mallory@example.com,$2b$04$hash,t,f,"


@pytest.mark.parametrize("end", ["", "\n"], ids=["a row", "a line"])
@pytest.mark.parametrize("size", [131_100, files.MAX_LINE + 1, 3 * files.MAX_LINE])
def test_a_long_text_is_no_new_row(size: int, end: str) -> None:
    bio = f"{'x' * size}\n{FORGED}\n{end}"
    content = HEADER + row("mallory@example.com", bio) + AFTER
    emails, refused, stopped = read(content.encode())
    assert VICTIM not in emails
    assert emails[-1] == "after@example.com"
    assert stopped == ""
    if size > files.MAX_LINE:
        assert refused == [f"lines 2 to {4 + bool(end)}: It is longer than 262144 characters."]


def test_many_short_lines_are_one_long_record() -> None:
    bio = "\n".join([FORGED] * 10_000)
    emails, [refusal], _ = read((HEADER + row("mallory@example.com", bio) + AFTER).encode())
    assert emails == ["after@example.com"]
    assert refusal == "lines 2 to 10001: It is longer than 262144 characters."


@pytest.mark.parametrize("bad", [b"\xff", b"\xe9", b"\xed\xa0\x80", b"\xf0\x9f"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_byte_that_is_no_utf_8_is_no_end_of_a_row(bad: bytes, place: str) -> None:
    texts = [b"", FORGED.encode(), b"x"]
    texts[0 if place == "before" else 2] += bad
    record = PREFIX.encode() + b'"' + b"\n".join(texts) + b'"\n'
    emails, refused, _ = read(HEADER.encode() + record + AFTER.encode())
    assert (emails, refused) == (["after@example.com"], ["lines 2 to 4: It is no UTF-8."])


INSIDE = ["\0", "\ufeff", "\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\r\n", '"', '",']


@pytest.mark.parametrize("before", INSIDE, ids=ascii)
@pytest.mark.parametrize("after", ["\n", "\r", "\r\n"], ids=ascii)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_strange_character_in_a_quoted_text_is_no_end_of_a_row(
    before: str, after: str, encoding: str
) -> None:
    bio = f"x{before}{after}{FORGED}{after}"
    content = HEADER + row("mallory@example.com", bio) + AFTER
    assert read(content.encode(encoding)) == (
        ["mallory@example.com", "after@example.com"],
        [],
        "",
    )


# As an exporter writes them that quotes in another way than RFC 4180 has it.
ELSEWHERE = {
    "backslashes, and a row": f'"x\\"\n{FORGED}"\n',
    "backslashes, and a quote to close": f'"x\\"\n{FORGED},"\n',
    "backslashes, and no more": f'"x\\"\n{FORGED}\n',
    "backslashes, in the middle": f'"x\\",y\n{FORGED}\n',
    "blanks before quotes": f' "x\n{FORGED}\n"\n',
    "a mark before quotes": f'\ufeff"x\n{FORGED}\n"\n',
    "backslashes before each quote": f'"x\\"\n{FORGED.replace("z", chr(92) + chr(34))}"\n',
    "a lone quote": f'x"\n{FORGED}\n',
    "a quote that is not doubled": f'"x"y\n{FORGED}\n"\n',
    "a quote that is not doubled, and a lone one": f'"x"y"\n{FORGED}\n',
    "a CR that is not quoted": f"x\r{FORGED}\n",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_nothing_is_read_after_other_quotes(name: str) -> None:
    content = HEADER + row("before@example.com") + PREFIX + ELSEWHERE[name] + AFTER
    emails, refused, stopped = read(content.encode())
    assert (emails, refused) == (["before@example.com"], [])
    assert stopped.startswith("line 3: It is no CSV that")


def test_a_line_break_that_is_not_quoted_ends_no_row_of_a_file_with_others() -> None:
    content = (HEADER + row("before@example.com")).replace("\n", "\r\n") + PREFIX
    emails, refused, stopped = read(f"{content}x\n{FORGED}\r\n".encode())
    assert (emails, refused) == (["before@example.com"], [])
    assert "it ends in another way than the header" in stopped


def test_nothing_is_read_after_a_quote_that_never_ends() -> None:
    emails, refused, stopped = read((HEADER + PREFIX + f'"x\n{FORGED}\n').encode())
    assert (emails, refused) == ([], [])
    assert stopped.startswith("lines 2 to 3: It is no CSV that")


class Endless(RawIOBase):
    """A file whose last field never ends."""

    def __init__(self, beginning: str, line: str) -> None:
        self._pending = beginning.encode()
        self._line = line.encode()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while len(self._pending) < len(buffer):
            self._pending += self._line
        buffer[:] = self._pending[: len(buffer)]
        self._pending = self._pending[len(buffer) :]
        self.size += len(buffer)
        return len(buffer)


ENDLESS = {
    "one line": (HEADER + PREFIX + '"', "x" * 1000),
    "many lines": (HEADER + PREFIX + '"', f"{FORGED}\n"),
    "JSON": ('{"email": "', "x" * 1000),
}


@pytest.mark.parametrize(("beginning", "line"), ENDLESS.values(), ids=ENDLESS)
def test_a_record_without_end_costs_bounded_memory(beginning: str, line: str) -> None:
    endless = Endless(beginning, line)
    tracemalloc.start()
    try:
        emails, _, stopped = read(endless)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert emails == []
    assert "It has no end: it is longer than 16777216 characters." in stopped
    assert endless.size < 2 * files.MAX_RECORD
    assert peak < 16 * files.MAX_RECORD


@pytest.mark.parametrize("size", [files.MAX_LINE - 50, files.MAX_LINE, 3 * files.MAX_LINE])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"], ids=ascii)
def test_a_long_line_of_json_is_no_new_line(size: int, end: str) -> None:
    def line(email: str, bio: str = "") -> str:
        return json.dumps(dict(zip(COLUMNS, (email, "hash", True, True, bio), strict=True))) + end

    long = line("mallory@example.com", "x" * size + line(VICTIM))
    emails, [refusal], _ = read((long + line("after@example.com")).encode())
    assert emails == ["after@example.com"]
    assert refusal == "line 1: It is longer than 262144 characters."


@pytest.mark.parametrize("between", ["\u2028", "\x85", "\0", "\x0b", "\x0c", "\ufeff"], ids=ascii)
def test_no_character_but_a_line_break_ends_a_line_of_json(between: str) -> None:
    forged = json.dumps(dict.fromkeys(COLUMNS, VICTIM))
    emails, refused, _ = read(f'{{"email": "x{between}{forged}\n'.encode())
    assert (emails, refused) == ([], ["line 1: It is no JSON."])


def test_the_limit_of_fields_is_as_before_afterwards() -> None:
    """It holds for the whole process, whose other parts may have set it."""
    before = csv.field_size_limit(1234)
    try:
        read((HEADER + AFTER).encode())
        assert csv.field_size_limit() == 1234
    finally:
        csv.field_size_limit(before)
