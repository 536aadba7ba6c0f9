"""Auth0: the export of password hashes that its support makes, and the export of users."""

from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record

SHAPE = Shape(members=(), columns=("user_id", "email", "email_verified"))
IDS = {"user_id", "_id"}  # of an export of users, of one of hashes

ESCAPE = "'"  # what a text in the CSV begins with, so that no spreadsheet takes it for a formula


def read(record: Record) -> ImportedUser:
    """Return the user. Raises BadRecordError."""
    if not IDS & set(record):
        raise BadRecordError("It has neither user_id nor _id.")
    if str(record.get("user_id")).startswith(ESCAPE):
        record = Record({name: str(value).removeprefix(ESCAPE) for name, value in record.items()})
    known = record
    if record.get("email") is None and (emails := record.objects("identifiers", "email")):
        # Some have it here alone.
        known = Record(email=emails[0].get("value"), email_verified=emails[0].get("verified"))
    return ImportedUser(
        email=known.email(),
        username=record.text("username"),
        password_hash=record.text("passwordHash"),
        email_verified=known.flag("email_verified"),
        disabled=record.flag("blocked"),
    )
