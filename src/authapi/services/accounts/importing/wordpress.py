"""WordPress: its table `wp_users`. `spam` and `deleted` are columns of a multisite alone."""

from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record

COLUMNS = ("user_login", "user_email", "user_pass")
SHAPE = Shape(members=COLUMNS, columns=COLUMNS)


def read(record: Record) -> ImportedUser:
    """Return the user. Raises BadRecordError."""
    if record.flag("deleted"):
        raise BadRecordError("The account was deleted there.")
    return ImportedUser(
        email=record.email("user_email"),
        username=record.text("user_login"),
        password_hash=record.text("user_pass"),
        disabled=record.flag("spam"),
    )
