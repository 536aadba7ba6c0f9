"""A record of another product, and the user that a reader makes of it."""

from dataclasses import dataclass, field
from typing import Any

# As SQL databases write NULL into CSV files, and the empty text of those that don't.
NULLS = (None, "", "\\N", "NULL")
FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


@dataclass(frozen=True, slots=True)
class ImportedUser:
    """A user as the file has it. Without a hash the user needs a reset by mail."""

    email: str
    username: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    email_verified: bool = False
    disabled: bool = False
    scopes: str = ""


class BadRecordError(Exception):
    """Says in a sentence why a record can't be imported. It quotes no secret."""


class Record(dict[str, Any]):
    """A JSON object, or a CSV row under the names of its header. Methods raise BadRecordError."""

    def text(self, name: str) -> str | None:
        """Return a text, or None where it is missing, null or empty."""
        value = self.get(name)
        if value in NULLS:
            return None
        if not isinstance(value, str):
            raise BadRecordError(f"{name} is no text.")
        return value

    def email(self, name: str = "email") -> str:
        """Return the address, which every account needs."""
        if email := self.text(name):
            return email
        raise BadRecordError("There is no e-mail address.")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean, as JSON or a database writes one."""
        value = self.get(name)
        if value in NULLS:
            return default
        flag = FLAGS.get(str(value).lower()) if isinstance(value, str | int) else None
        if flag is None:
            raise BadRecordError(f"{name} is neither true nor false.")
        return flag

    def objects(self, name: str, kind: str) -> list["Record"]:
        """Return the objects of a list whose `type` is this; none where the list is missing."""
        value = self.get(name) or []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise BadRecordError(f"{name} is no list of objects.")
        return [Record(each) for each in value if each.get("type") == kind]
