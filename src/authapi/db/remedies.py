"""What an operator can do about a database error that does not pass by itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.exc import DBAPIError

from authapi.errors import OperatorError, Unavailable

ALONE = "Give authapi a database or a schema of its own"
# What PostgreSQL or a pooler says -> what to do.
POSTGRESQL = {
    "unsupported startup parameter": (
        "The pooler before the database refuses the time-outs that authapi sends as `options`. Set "
        "`ignore_startup_parameters = options,extra_float_digits` in pgbouncer.ini, and reload it."
    ),
}
SQLITE = {
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: name another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup",
    sqlite3.SQLITE_READONLY: "can't be written: give this user the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: give this user the file and its folder",
    sqlite3.SQLITE_PERM: "can't be opened: give this user the file and its folder",
    sqlite3.SQLITE_FULL: "has no space left on its disk: make some",
    sqlite3.SQLITE_IOERR: "can't be read and written there: SQLite needs a local disk",
    sqlite3.SQLITE_PROTOCOL: "can't be locked there: SQLite needs a local disk",
}


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Raise OperatorError, with what to do, for an error in the block that won't pass by itself."""
    if (file := sqlite_file(url)) and file.is_dir():
        raise OperatorError(f"{file} is a folder. Let AUTHAPI_DATABASE_URL name a file in it.")
    try:
        yield
    except (Unavailable, DBAPIError) as error:
        cause = error.__cause__ if isinstance(error, Unavailable) else error
        if sentence := _remedy(cause, url):
            raise OperatorError(sentence) from error
        raise


def sqlite_file(url: str) -> Path | None:
    """Return SQLite's file, or None on PostgreSQL."""
    path = url.removeprefix("sqlite:///")
    return None if path == url else Path(path)


def _remedy(cause: BaseException | None, url: str) -> str | None:
    original = cause.orig if isinstance(cause, DBAPIError) else cause
    if file := sqlite_file(url):
        return _of_sqlite(original, file)
    return _of_postgresql(original)


def _of_postgresql(original: BaseException | None) -> str | None:
    if isinstance(original, psycopg.errors.InsufficientPrivilege):
        return (
            f"The database's role lacks a right: {_first_line(original)}. Grant it, or run "
            "`authapi migrate` as the role that owns the tables."
        )
    if isinstance(original, psycopg.errors.InvalidSchemaName):
        return (
            "No schema of the role's search_path exists: create one, or correct `search_path` in "
            "AUTHAPI_DATABASE_URL."
        )
    said = str(original)
    if "already exists" in said:
        return _in_the_way(original)
    return next((what for words, what in POSTGRESQL.items() if words in said), None)


def _of_sqlite(original: BaseException | None, file: Path) -> str | None:
    if isinstance(original, OSError):
        return f"{file} can't be reached: {original.strerror}. Make the folder, or name another."
    if not isinstance(original, sqlite3.Error):
        return None
    if "already exists" in str(original):
        return _in_the_way(original)
    code = getattr(original, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    return f"{file} {SQLITE[code]}." if code in SQLITE else None


def _in_the_way(original: BaseException | None) -> str:
    return f"Something of another program is in the way: {_first_line(original)}. {ALONE}."


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]
