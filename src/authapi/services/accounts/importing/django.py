"""Django: `dumpdata auth.user`, or its table as CSV. An address is never known to be verified."""

from base64 import b64decode

from authapi.crypto.foreign_hashes import scrypt_hash
from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record

SHAPE = Shape(members=("fields",), columns=("username", "email", "password", "is_active"))
UNUSABLE = "!"  # what a hash begins with that nobody has the password of


def read(record: Record) -> ImportedUser:
    """Return the user. Raises BadRecordError."""
    fields = record.get("fields", record)
    if not isinstance(fields, dict) or "password" not in fields:
        raise BadRecordError("It is no user: it has no password field.")
    user = Record(fields)
    username = user.text("username")
    # A site whose users log in by address may keep it there alone.
    is_address = username is not None and "@" in username and not user.text("email")
    return ImportedUser(
        email=username if username and is_address else user.email(),
        username=None if is_address else username,
        password_hash=_hash(user.text("password")),
        disabled=not user.flag("is_active", default=True),
    )


def _hash(text: str | None) -> str | None:
    if text is None or text.startswith(UNUSABLE):
        return None
    return _scrypt(text) if text.startswith("scrypt$") else text


def _scrypt(text: str) -> str:
    """Return Django's `scrypt$N$salt$r$p$digest` as other programs write it."""
    try:
        _, cost, salt, block_size, parallelism, digest = text.split("$")
        size = (int(block_size), int(parallelism))
        return scrypt_hash(int(cost), size, salt.encode(), b64decode(digest, validate=True))
    except ValueError as error:
        raise BadRecordError("The password hash is not as Django writes scrypt.") from error
