"""Firebase: `firebase auth:export --format=json`, with the project's hash parameters."""

import re
from base64 import b64decode

from authapi.crypto.foreign_hashes import FirebaseProject
from authapi.errors import CommandError
from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record

# No CSV: firebase-tools quotes display names there, but writes the photoUrl that a user chose as it
# is (accountExporter.ts of 15.28): its commas and line breaks are columns and rows. Nor a header.
SHAPE = Shape(members=("localId",), users="users")
PARAMETER = re.compile(r"(\w+)[\"']?\s*[:=]\s*[\"']?([^\s,\"']+)")
ALGORITHM = "SCRYPT"
ROUNDS, MEMORY_COSTS = range(1, 9), range(1, 15)  # as Firebase has them
COMPLAINT = (
    "That is not Firebase's block of hash parameters. It has the lines algorithm: SCRYPT, "
    "base64_signer_key, base64_salt_separator, rounds and mem_cost: see Firebase's console."
)


def parse_project(text: str) -> FirebaseProject:
    """Return the parameters of a `hash_config { … }`. Raises CommandError."""
    values = dict(PARAMETER.findall(text))
    try:
        project = FirebaseProject(
            signer_key=b64decode(values["base64_signer_key"], validate=True),
            salt_separator=b64decode(values.get("base64_salt_separator", ""), validate=True),
            block_size=int(values["rounds"]),
            log2_cost=int(values["mem_cost"]),
        )
    except (KeyError, ValueError) as error:
        raise CommandError(COMPLAINT) from error
    in_range = project.block_size in ROUNDS and project.log2_cost in MEMORY_COSTS
    if values.get("algorithm") != ALGORITHM or not in_range:
        raise CommandError(COMPLAINT)
    return project


def read(record: Record, project: FirebaseProject) -> ImportedUser:
    """Return the user. Raises BadRecordError."""
    encrypted = record.text("passwordHash")
    return ImportedUser(
        email=record.email(),
        password_hash=_hash(project, encrypted, record.text("salt")) if encrypted else None,
        email_verified=record.flag("emailVerified"),
        disabled=record.flag("disabled"),
    )


def _hash(project: FirebaseProject, encrypted: str, salt: str | None) -> str:
    try:
        return project.hash_of(_bytes(salt or ""), _bytes(encrypted))
    except ValueError as error:
        raise BadRecordError("The password hash or its salt is not this project's.") from error


def _bytes(text: str) -> bytes:
    # The console's API has the alphabet for URLs, and the command the other one.
    plain = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
