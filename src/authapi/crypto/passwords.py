"""Slow hashes of passwords. passlib is imported here and in foreign_hashes only.

  stored hash                       right password               wrong password
  argon2id, our parameters          valid                        one argon2
  argon2 of other parameters, or    valid, with a hash of        its own cost and one argon2:
  another scheme of `IMPORTABLE`    ours to store in its place   the same as when it is right
  none (unknown user), unreadable,                               one argon2
  NO_PASSWORD

A stored hash that is not ours is tried with the password in NFC, and with what was typed if that
differs: its own cost twice, for right and wrong ones. Other systems did not normalise. WordPress
hashes a password with backslashes, and without spaces around it: that form is tried, too.

One argon2id at the defaults (19 MiB, 2 passes) takes about 20 ms of one core, without the GIL.
"""

import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

from passlib.context import CryptContext  # type: ignore[import-untyped]

from authapi.crypto.foreign_hashes import FOREIGN_SCHEMES
from authapi.crypto.hash_costs import is_too_costly
from authapi.errors import Unavailable

# Characters as typed. NFC is quadratic in a run of combining marks: 32,000 of them take 0.8 s.
# A password of 256 characters has at most this many before they are composed.
MAX_TYPED_LENGTH = 1024
DIGEST_BYTES = 32
NO_PASSWORD = "!"  # noqa: S105 - stored for an account that needs a reset before a log-in

# The schemes of other systems. Left out: postgres_md5, oracle10, msdcc (they need the user's name);
# des_crypt and kin, lmhash (they cut a password to 16 characters or fewer); nthash, hex_md4,
# dlitz_pbkdf2_sha1 (they look like another scheme); scram (lists); plain text.
_IMPORTABLE = """
bcrypt bcrypt_sha256 scrypt pbkdf2_sha512 pbkdf2_sha256 pbkdf2_sha1
sha512_crypt sha256_crypt sha1_crypt md5_crypt apr_md5_crypt sun_md5_crypt phpass
django_pbkdf2_sha256 django_pbkdf2_sha1 django_bcrypt_sha256 django_salted_sha1 django_salted_md5
ldap_salted_sha512 ldap_salted_sha256 ldap_salted_sha1 ldap_salted_md5 ldap_sha1 ldap_md5
atlassian_pbkdf2_sha1 grub_pbkdf2_sha512 cta_pbkdf2_sha1 fshp
mssql2005 mssql2000 oracle11 mysql41 hex_sha512 hex_sha256 hex_sha1 hex_md5
"""
IMPORTABLE = (*_IMPORTABLE.split(), *(scheme.name for scheme in FOREIGN_SCHEMES))
# Of WordPress, whose PHP puts a backslash before these characters of everything that a form sends.
PHP_SCHEMES = {"phpass", "wordpress_bcrypt"}
PHP_SLASHES = str.maketrans({mark: f"\\{mark}" for mark in "\\'\""} | {"\0": "\\0"})

# Other systems' prefixes for a format of the list, and ours.
WRAPPERS = {
    "{CRYPT}": "",
    "{bcrypt}": "",
    "{PBKDF2-SHA512}": "$pbkdf2-sha512$",
    "{PBKDF2-SHA256}": "$pbkdf2-sha256$",
    "{PBKDF2}": "$pbkdf2$",
    "bcrypt$$": "$",
    "argon2$argon2": "$argon2",
}

# passlib raises these for a malformed hash, or a password that a scheme can't take (NUL in bcrypt,
# a lone surrogate). Warning: a sloppy hash under `python -W error`.
UNREADABLE = (ValueError, TypeError, LookupError, AssertionError, RuntimeError, Warning)


@dataclass(frozen=True)
class Verification:
    """The result. A new `upgraded_hash` replaces the stored one."""

    valid: bool
    upgraded_hash: str | None = None


class PasswordHasher:
    """Hashes and verifies passwords. Threads may share it."""

    def __init__(self, memory_kib: int, time_cost: int) -> None:
        self._context = _context(argon2__memory_cost=memory_kib, argon2__rounds=time_cost)
        # A random digest makes the decoy: it costs a verification, and no hash to make.
        argon2 = self._context.handler("argon2")
        decoy = argon2(use_defaults=True, checksum=secrets.token_bytes(DIGEST_BYTES))
        self._decoy = str(decoy.to_string())

    def hash(self, password: str) -> str:
        """Return a hash to store. Raises Unavailable if the machine has no memory for it.

        Raises ValueError for a password that password_rules refuses.
        """
        normalised = normalise(password).encode()
        try:
            return str(self._context.hash(normalised))
        except ValueError as error:
            raise Unavailable from error

    def verify(self, password: str, stored: str | None) -> Verification:
        """Return whether `stored` is a hash of the password; None stands for an unknown user.

        Raises nothing but Unavailable, if the machine has no memory for it.
        """
        if stored is None:
            return self._refuse_slowly()
        try:
            stored = _unwrapped(stored)
            is_legacy = self._context.needs_update(stored)
            valid = self._fits(password, stored, is_legacy=is_legacy)
        except UNREADABLE:
            return self._refuse_slowly()
        if valid:
            upgraded_hash = self.hash(password) if is_legacy else None
            return Verification(valid=True, upgraded_hash=upgraded_hash)
        # Many old schemes take microseconds. A quick refusal would tell that the account exists,
        # and a wrong password from a right one, which pays for the upgrade.
        return self._refuse_slowly() if is_legacy else Verification(valid=False)

    def decoy_of(self, stored: str) -> str:
        """Return a hash that fits no password, and costs what `stored` costs to verify."""
        try:
            own = _unwrapped(stored)
            handler = self._context.handler(self._context.identify(own, required=True))
            decoy = handler.from_string(own)
            decoy.checksum = _other_digest(decoy.checksum)
            return str(decoy.to_string())
        except UNREADABLE:
            return self._decoy  # what an unreadable one costs

    def _fits(self, password: str, stored: str, *, is_legacy: bool) -> bool:
        forms = {normalise(password): None}  # in order
        if is_legacy:
            forms[password] = None  # other systems hashed what was typed
            if self._context.identify(stored) in PHP_SCHEMES:
                forms[password.strip().translate(PHP_SLASHES)] = None
        valid = False
        for form in forms:  # each of them, or time would tell which one fits
            valid |= self._context.verify(self._presented(form, stored), stored)
        return valid

    def _presented(self, form: str, stored: str) -> bytes:
        presented = form.encode()
        # bcrypt reads 72 bytes. Old libraries dropped the rest in silence, and made imported hashes
        # so; ours refuses longer passwords since its release 5.
        return presented[:72] if self._context.identify(stored) == "bcrypt" else presented

    def _refuse_slowly(self) -> Verification:
        """Refuse at the cost of one argon2: unknown and known users must take equal time."""
        try:
            self._context.verify(b"decoy", self._decoy)
        except ValueError as error:  # Our own hash is well-formed: argon2 got no memory.
            raise Unavailable from error
        return Verification(valid=False)


def _other_digest(checksum: str | bytes) -> str | bytes:
    if isinstance(checksum, bytes):
        return secrets.token_bytes(len(checksum))
    # Of the same characters: each scheme has an alphabet, and spare bits in its last one.
    body = list(checksum[:-1])
    secrets.SystemRandom().shuffle(body)
    return "".join(body) + checksum[-1]


def normalise(password: str) -> str:
    """Return the password in NFC: some keyboards compose an accent, others don't.

    Raises ValueError for more than MAX_TYPED_LENGTH characters.
    """
    if len(password) > MAX_TYPED_LENGTH:
        raise ValueError("The password is too long.")
    return unicodedata.normalize("NFC", password)


class UnusableHashError(ValueError):
    """Says in a sentence why a hash can't be imported."""


def require_usable_hash(text: str) -> None:
    """Raise UnusableHashError unless `PasswordHasher.verify` can read this hash in bounded time."""
    try:
        stored = _unwrapped(text)
        handler = _context().handler(_context().identify(stored, required=True))
        parsed = handler.from_string(stored)
        is_known, is_costly = parsed.checksum is not None, is_too_costly(parsed)
    except UNREADABLE:
        is_known = is_costly = False
    if is_costly:
        raise UnusableHashError("The password hash costs more than a log-in may.")
    if not is_known:
        raise UnusableHashError("The password hash is of no scheme that authapi knows.")


def _unwrapped(stored: str) -> str:
    for prefix, own in WRAPPERS.items():
        if stored.startswith(prefix):
            return own + stored.removeprefix(prefix)
    return stored


@cache
def _context(**parameters: int) -> Any:  # noqa: ANN401  passlib has no types
    return CryptContext(
        schemes=["argon2", *_IMPORTABLE.split(), *FOREIGN_SCHEMES],
        deprecated="auto",  # All but the first.
        argon2__type="ID",
        argon2__parallelism=1,
        argon2__salt_size=16,
        argon2__digest_size=DIGEST_BYTES,
        **parameters,
    )
