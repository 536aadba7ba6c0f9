"""Exports of three users, as seven products write them.

Hashes are made by the products' own libraries where Python has them: Django's hashers, pwdlib for
fastapi-users, bcrypt for Supabase and Auth0. The others are made as their documentation says.
"""

import csv
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import pbkdf2_hmac, scrypt
from io import StringIO
from typing import Any

import argon2
import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from django.contrib.auth.hashers import PBKDF2PasswordHasher, ScryptPasswordHasher
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

# Characters that products treat in ways of their own: PHP puts backslashes before quotes.
KEY = "Ada's \"clé\" d'été"
# An enabled user with a password, a disabled one, and one who only ever came by another provider.
ADA, EVE, SAM = "ada@example.com", "eve@example.com", "sam@example.com"
SALT = b"sixteen bytes..!"

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Export:
    """A product's file, and what the import must find out about ADA."""

    product: str
    text: str
    username: str | None = None
    is_verified: bool = True


def as_csv(rows: Rows) -> str:
    """Return what PostgreSQL's `COPY … CSV HEADER` writes."""
    values = [
        {name: {True: "t", False: "f"}.get(value, value) for name, value in row.items()}
        for row in rows
    ]
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(values)
    return text.getvalue()


def as_lines(rows: Rows) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def bcrypt_of(password: bytes, prefix: str = "2b") -> str:
    made = bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()
    return made.replace("$2b$", f"${prefix}$", 1)


def own() -> str:
    return as_lines(
        [
            {
                "email": ADA,
                "username": "ada",
                "email_verified": True,
                "scopes": ["write", "read"],
                "password_hash": bcrypt_of(KEY.encode()),
            },
            {"email": EVE, "disabled": True, "password_hash": bcrypt_of(KEY.encode())},
            {"email": SAM},
        ]
    )


def fastapi_users(hasher: Argon2Hasher | BcryptHasher) -> Rows:
    def row(email: str, *, active: bool) -> dict[str, Any]:
        known = {"id": f"id of {email}", "email": email, "hashed_password": hasher.hash(KEY)}
        return {**known, "is_active": active, "is_superuser": False, "is_verified": active}

    # It gives users of other providers a random password, which nobody knows.
    return [
        row(ADA, active=True),
        row(EVE, active=False),
        {**row(SAM, active=True), "hashed_password": None},
    ]


def django(hash_of: Callable[[str], str]) -> Rows:
    def row(name: str, password: str, *, active: bool = True) -> dict[str, Any]:
        known = {"id": 1, "password": password, "last_login": None, "is_superuser": False}
        email = f"{name}@example.com"
        return {**known, "username": name, "email": email, "is_staff": False, "is_active": active}

    return [row("ada", hash_of(KEY)), row("eve", hash_of(KEY), active=False), row("sam", "!q0X9u")]


def as_dump(rows: Rows) -> str:
    """Return what `manage.py dumpdata auth.user` writes."""
    return json.dumps([{"model": "auth.user", "pk": 1, "fields": row} for row in rows])


def supabase() -> Rows:
    def row(email: str, encrypted: str | None, banned_until: str | None = None) -> dict[str, Any]:
        return {
            "instance_id": "00000000-0000-0000-0000-000000000000",
            "id": f"id of {email}",
            "aud": "authenticated",
            "email": email,
            "encrypted_password": encrypted,
            "email_confirmed_at": "2024-05-01 10:00:00.123456+00",
            "raw_user_meta_data": '{"name": "Ada, \\"Countess\\""}',
            "is_super_admin": None,
            "phone": None,
            "banned_until": banned_until,
            "deleted_at": None,
            "is_anonymous": False,
        }

    hashed = bcrypt_of(KEY.encode(), "2a")
    was_banned, is_banned = "2024-01-01 00:00:00+00", "2124-01-01 00:00:00+00"
    return [row(ADA, hashed, was_banned), row(EVE, hashed, is_banned), row(SAM, None)]


SIGNER_KEY, SEPARATOR = bytes(range(64)), b"\x07"
HASH_CONFIG = f"""hash_config {{
  algorithm: SCRYPT,
  base64_signer_key: {b64encode(SIGNER_KEY).decode()},
  base64_salt_separator: {b64encode(SEPARATOR).decode()},
  rounds: 8,
  mem_cost: 5,
}}
"""


def firebase_hash() -> tuple[str, str]:
    """Return hash and salt, as Firebase documents its scrypt."""
    key = scrypt(KEY.encode(), salt=SALT + SEPARATOR, n=1 << 5, r=8, p=1, dklen=32)
    encrypted = Cipher(AES(key), CTR(bytes(16))).encryptor().update(SIGNER_KEY)
    return b64encode(encrypted).decode(), b64encode(SALT).decode()


def firebase_users() -> list[dict[str, Any]]:
    passworded = dict(zip(("passwordHash", "salt"), firebase_hash(), strict=True))
    google = {"providerId": "google.com", "rawId": "1", "email": SAM}
    return [
        {"localId": "a", "email": ADA, "emailVerified": True, **passworded, "providerUserInfo": []},
        {"localId": "e", "email": EVE, "emailVerified": False, **passworded, "disabled": True},
        {"localId": "s", "email": SAM, "emailVerified": True, "providerUserInfo": [google]},
    ]


def keycloak_pbkdf2(name: str, function: str) -> dict[str, str]:
    """Return the credential of a Keycloak before 24, which derives 512 bits with each function."""
    digest = pbkdf2_hmac(function, KEY.encode(), SALT, 1000, 64)
    settings = {"hashIterations": 1000, "algorithm": name, "additionalParameters": {}}
    return _credential(settings, digest)


def keycloak_argon2() -> dict[str, str]:
    """Return the credential of a Keycloak since 25."""
    kind = argon2.Type.ID
    secret = argon2.low_level.hash_secret_raw(KEY.encode(), SALT, 2, 256, 1, 32, kind)
    more = {
        "hashLength": ["32"],
        "memory": ["256"],
        "type": ["id"],
        "version": ["1.3"],
        "parallelism": ["1"],
    }
    return _credential(
        {"hashIterations": 2, "algorithm": "argon2", "additionalParameters": more}, secret
    )


def _credential(settings: Mapping[str, object], digest: bytes) -> dict[str, str]:
    secret = {"value": b64encode(digest).decode(), "salt": b64encode(SALT).decode()}
    return {
        "id": "86e48c7a",
        "type": "password",
        "secretData": json.dumps({**secret, "additionalParameters": {}}),
        "credentialData": json.dumps(settings),
    }


def keycloak(credential: Mapping[str, str]) -> str:
    def user(name: str, *credentials: Mapping[str, str], enabled: bool = True) -> dict[str, Any]:
        known = {"id": f"id of {name}", "username": name, "email": f"{name}@example.com"}
        return {**known, "emailVerified": True, "enabled": enabled, "credentials": credentials}

    otp = {"type": "otp", "secretData": "{}", "credentialData": "{}"}
    users = [user("ada", otp, credential), user("eve", credential, enabled=False), user("sam")]
    return json.dumps({"realm": "shop", "enabled": True, "roles": {}, "users": users}, indent=2)


def auth0() -> str:
    """Return the file of hashes that the support makes; one user has identifiers alone."""
    connection = {"connection": "Username-Password-Authentication", "tenant": "shop"}
    eve = {"identifiers": [{"type": "email", "value": EVE, "verified": True}], "blocked": True}
    ada = {"email": ADA, "email_verified": True, "username": "ada"}
    hashed = {"passwordHash": bcrypt_of(KEY.encode())}
    ids = [
        {"_id": {"$oid": f"5dea9f9c82dd7c0e76e4ec9{number}"}, **connection} for number in range(3)
    ]
    return as_lines(
        [{**ids[0], **ada, **hashed}, {**ids[1], **eve, **hashed}, {**ids[2], "email": SAM}]
    )


def wordpress(hash_of: Callable[[bytes], str]) -> Rows:
    # What a form sends has its quotes behind backslashes, and WordPress hashes it so.
    slashed = KEY.replace("'", "\\'").replace('"', '\\"').encode()

    def row(name: str, password: str, spam: int = 0) -> dict[str, Any]:
        known = {"ID": 1, "user_login": name, "user_pass": password, "user_nicename": name}
        return {
            **known,
            "user_email": f"{name}@example.com",
            "user_status": 0,
            "spam": spam,
            "deleted": 0,
        }

    return [row("ada", hash_of(slashed)), row("eve", hash_of(slashed), spam=1), row("sam", "")]


def wordpress_hash(password: bytes) -> str:
    """Return what WordPress 6.8 makes: wp_hash_password."""
    return "$wp" + bcrypt_of(b64encode(hmac.digest(b"wp-sha384", password, "sha384")), "2y")


def phpass_hash(password: bytes) -> str:
    """Return what WordPress before 6.8 makes: PasswordHash::crypt_private, with 2^7 rounds."""
    from passlib.hash import phpass  # type: ignore[import-untyped]

    return str(phpass.using(rounds=7).hash(password))


def _exports() -> dict[str, Export]:
    argon2_rows, bcrypt_rows = fastapi_users(Argon2Hasher(1, 64, 1)), fastapi_users(BcryptHasher(4))
    salt = "alphanumericOf22Signs0"
    pbkdf2 = django(lambda typed: PBKDF2PasswordHasher().encode(typed, salt, 1000))
    scrypted = django(lambda typed: ScryptPasswordHasher().encode(typed, salt, 16))
    new, old = wordpress(wordpress_hash), wordpress(phpass_hash)
    return {
        "own": Export("authapi", own(), "ada"),
        "fastapi-users csv": Export("fastapi-users", as_csv(argon2_rows)),
        "fastapi-users json": Export("fastapi-users", json.dumps(bcrypt_rows)),
        "django dump": Export("django", as_dump(pbkdf2), "ada", is_verified=False),
        "django csv": Export("django", as_csv(scrypted), "ada", is_verified=False),
        "supabase csv": Export("supabase", as_csv(supabase())),
        "supabase json": Export("supabase", json.dumps(supabase())),
        "firebase json": Export("firebase", json.dumps({"users": firebase_users()})),
        "keycloak sha256": Export(
            "keycloak", keycloak(keycloak_pbkdf2("pbkdf2-sha256", "sha256")), "ada"
        ),
        "keycloak sha512": Export(
            "keycloak", keycloak(keycloak_pbkdf2("pbkdf2-sha512", "sha512")), "ada"
        ),
        "keycloak sha1": Export("keycloak", keycloak(keycloak_pbkdf2("pbkdf2", "sha1")), "ada"),
        "keycloak argon2": Export("keycloak", keycloak(keycloak_argon2()), "ada"),
        "auth0": Export("auth0", auth0(), "ada"),
        "wordpress csv": Export("wordpress", as_csv(new), "ada", is_verified=False),
        "wordpress json": Export("wordpress", json.dumps(old), "ada", is_verified=False),
    }


EXPORTS = _exports()
