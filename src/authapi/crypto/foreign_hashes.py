"""Hashes of other products that passlib has no handler for, and their parts as text that it reads.

Keycloak and Django store more bytes of PBKDF2 and scrypt than passlib compares. Each block of
PBKDF2's output stands for itself (RFC 8018 section 5.2), so the first one proves as much.

Firebase encrypts its project's signer key, by AES in counter mode under a key that scrypt makes of
the password. What it stores is the signer key XOR a key stream. We store the key stream alone: the
first 32 bytes of it prove the password. So no copy of our database has the signer key in it.
"""

import hmac
from base64 import b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from passlib.handlers.bcrypt import bcrypt  # type: ignore[import-untyped]
from passlib.handlers.scrypt import scrypt  # type: ignore[import-untyped]

# Bytes of the first block of PBKDF2 with each function.
BLOCK_BYTES = {"sha1": 20, "sha256": 32, "sha512": 64}
_IDENTS = {"sha1": "pbkdf2", "sha256": "pbkdf2-sha256", "sha512": "pbkdf2-sha512"}
_START = bytes(AES.block_size // 8)  # Firebase's counter begins at 0
_WORDPRESS_KEY = b"wp-sha384"  # WordPress's own, the same for all


class _Prefixed:
    """A handler whose text is that of another scheme, behind a prefix."""

    prefix: str

    @classmethod
    def identify(cls, hash: str) -> bool:  # noqa: A002  passlib's name
        return hash.startswith(cls.prefix)

    @classmethod
    def from_string(cls, hash: str) -> object:  # noqa: A002  passlib's name
        return super().from_string(hash.removeprefix(cls.prefix))  # type: ignore[misc]

    def to_string(self) -> str:
        return f"{self.prefix}{super().to_string()}"  # type: ignore[misc]


class WordPressBcrypt(_Prefixed, bcrypt):  # type: ignore[misc]
    """WordPress 6.8 and later: bcrypt of an HMAC, which is never longer than bcrypt reads."""

    name = "wordpress_bcrypt"
    prefix = "$wp"

    def _calc_checksum(self, secret: bytes | str) -> str:
        presented = secret.encode() if isinstance(secret, str) else secret
        digest = hmac.digest(_WORDPRESS_KEY, presented, "sha384")
        return str(super()._calc_checksum(b64encode(digest)))


class FirebaseScrypt(_Prefixed, scrypt):  # type: ignore[misc]
    """Firebase's key stream, behind the settings of its scrypt."""

    name = "firebase_scrypt"
    prefix = "$firebase"

    def _calc_checksum(self, secret: bytes) -> bytes:
        key = super()._calc_checksum(secret)
        encryptor = Cipher(AES(key), CTR(_START)).encryptor()
        return encryptor.update(bytes(self.checksum_size))


FOREIGN_SCHEMES = (WordPressBcrypt, FirebaseScrypt)


@dataclass(frozen=True, slots=True)
class FirebaseProject:
    """A project's own parameters: Firebase's block of hash parameters."""

    signer_key: bytes = field(repr=False)
    salt_separator: bytes
    block_size: int
    log2_cost: int

    def hash_of(self, salt: bytes, encrypted: bytes) -> str:
        """Return the hash to store. Raises ValueError if it is of another length than the key."""
        key_stream = bytes(a ^ b for a, b in zip(encrypted, self.signer_key, strict=True))
        salt += self.salt_separator
        size = (self.block_size, 1)
        return FirebaseScrypt.prefix + scrypt_hash(1 << self.log2_cost, size, salt, key_stream)


def scrypt_hash(cost: int, size: tuple[int, int], salt: bytes, digest: bytes) -> str:
    """Return passlib's text of a scrypt hash. `size` is (r, p).

    Raises ValueError for a cost that is no power of two.
    """
    if cost < 2 or cost & (cost - 1):
        raise ValueError("The cost of scrypt is a power of two.")
    settings = f"ln={cost.bit_length() - 1},r={size[0]},p={size[1]}"
    return f"$scrypt${settings}${_base64(salt)}${_base64(digest[: scrypt.checksum_size])}"


def pbkdf2_hash(function: str, rounds: int, salt: bytes, digest: bytes) -> str:
    """Return passlib's text of a PBKDF2 hash. Raises KeyError for an unknown function."""
    block = digest[: BLOCK_BYTES[function]]
    return f"${_IDENTS[function]}${rounds}${_ab64(salt)}${_ab64(block)}"


def argon2_hash(kind: str, costs: tuple[int, int, int], salt: bytes, digest: bytes) -> str:
    """Return the usual text of an argon2 hash of version 1.3. `costs`: KiB, passes, lanes."""
    memory, passes, lanes = costs
    settings = f"m={memory},t={passes},p={lanes}"
    return f"$argon2{kind}$v=19${settings}${_base64(salt)}${_base64(digest)}"


def _base64(value: bytes) -> str:
    return b64encode(value).decode().rstrip("=")


def _ab64(value: bytes) -> str:
    return _base64(value).replace("+", ".")
