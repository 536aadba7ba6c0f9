"""Supabase: its table `auth.users`. A ban that has ended is none."""

from datetime import datetime

from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record

COLUMNS = ("email", "encrypted_password", "email_confirmed_at", "banned_until", "deleted_at")
SHAPE = Shape(members=COLUMNS, columns=COLUMNS)


def read(record: Record, now: float) -> ImportedUser:
    """Return the user, banned or not at Unix seconds `now`. Raises BadRecordError."""
    if record.text("deleted_at"):
        raise BadRecordError("The account was deleted there.")
    return ImportedUser(
        email=record.email(),
        password_hash=record.text("encrypted_password"),
        email_verified=record.text("email_confirmed_at") is not None,
        disabled=_is_banned(record.text("banned_until"), now),
    )


def _is_banned(until: str | None, now: float) -> bool:
    if until is None:
        return False
    try:
        return datetime.fromisoformat(until).timestamp() > now
    except ValueError:
        return True  # infinity, or a year past 9999
