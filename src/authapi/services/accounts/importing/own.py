"""JSON lines of our own."""

from authapi.errors import SCOPE
from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record

SHAPE = Shape(members=("email",))
MEMBERS = {"email", "username", "password_hash", "email_verified", "disabled", "scopes"}


def read(record: Record) -> ImportedUser:
    """Return the user. Raises BadRecordError, also for a member that we don't know."""
    if unknown := sorted(set(record) - MEMBERS):
        raise BadRecordError(f"{unknown[0][:40]!r} is no member that an import knows.")
    return ImportedUser(
        email=record.email(),
        username=record.text("username"),
        password_hash=record.text("password_hash"),
        email_verified=_flag(record, "email_verified"),
        disabled=_flag(record, "disabled"),
        scopes=_scopes(record.get("scopes")),
    )


def _flag(record: Record, name: str) -> bool:
    value = record.get(name, False)
    if not isinstance(value, bool):
        raise BadRecordError(f"{name} is neither true nor false.")
    return value


def _scopes(value: object) -> str:
    scopes = [] if value is None else value
    if not isinstance(scopes, list):
        raise BadRecordError("scopes is no list.")
    if not all(isinstance(scope, str) and SCOPE.fullmatch(scope) for scope in scopes):
        raise BadRecordError("scopes has an entry that is no scope (RFC 6749 section 3.3).")
    return " ".join(sorted(set(scopes)))
