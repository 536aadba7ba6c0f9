"""Keycloak: the export of a realm, or its files of users. What a hash needs is JSON within JSON."""

import json
from base64 import b64decode
from typing import Any

from authapi.crypto.foreign_hashes import argon2_hash, pbkdf2_hash
from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record

SHAPE = Shape(members=("username",), users="users")
# JSON of another structure, or a number or Base64 that is none.
UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
PBKDF2 = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}


def read(record: Record) -> ImportedUser:
    """Return the user. Raises BadRecordError."""
    if record.text("serviceAccountClientId"):
        raise BadRecordError("It is the service account of a client, and no person.")
    passwords = record.objects("credentials", "password")
    return ImportedUser(
        email=record.email(),
        username=record.text("username"),
        password_hash=_hash(passwords[0]) if passwords else None,
        email_verified=record.flag("emailVerified"),
        disabled=not record.flag("enabled", default=True),
    )


def _hash(credential: Record) -> str:
    try:
        settings, secret = (
            json.loads(credential[name]) for name in ("credentialData", "secretData")
        )
        salt, digest = (b64decode(secret[name], validate=True) for name in ("salt", "value"))
        return _text(settings, salt, digest)
    except UNREADABLE as error:
        raise BadRecordError("The password hash is not as Keycloak writes one.") from error


def _text(settings: dict[str, Any], salt: bytes, digest: bytes) -> str:
    rounds, algorithm = int(settings["hashIterations"]), str(settings["algorithm"])
    if algorithm in PBKDF2:
        return pbkdf2_hash(PBKDF2[algorithm], rounds, salt, digest)
    if algorithm != "argon2":
        raise BadRecordError(f"The password hash is of the algorithm {algorithm[:40]!r}.")
    more = settings["additionalParameters"]
    if more.get("version", ["1.3"]) != ["1.3"]:
        raise BadRecordError("The password hash is of an argon2 before version 1.3.")
    costs = (int(more["memory"][0]), rounds, int(more["parallelism"][0]))
    return argon2_hash(str(more["type"][0]), costs, salt, digest)
