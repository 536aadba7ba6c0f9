"""The table `user` of fastapi-users."""

from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import ImportedUser, Record

COLUMNS = ("email", "hashed_password", "is_active", "is_verified")
SHAPE = Shape(members=COLUMNS, columns=COLUMNS)


def read(record: Record) -> ImportedUser:
    """Return the user. Raises BadRecordError."""
    return ImportedUser(
        email=record.email(),
        username=record.text("username"),
        password_hash=record.text("hashed_password"),
        email_verified=record.flag("is_verified"),
        disabled=not record.flag("is_active", default=True),
    )
