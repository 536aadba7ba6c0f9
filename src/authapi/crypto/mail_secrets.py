"""The token and the code of a mail, derived from the mail's id by HMAC: neither is stored.

  token  the id, then 192 bits: `ID.MAC` in base64url
  code   eight letters of twenty: 34 bits, so that few tries must be let through

A mail that is sent again after a crash so carries the same ones. Who reads the database finds ids,
and can make neither without SECRET.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from authapi.crypto.derived_keys import DERIVE_LINKS, derive

CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; nothing that looks like a digit
CODE_LENGTH = 8
MAC_BYTES = 24
ID_LENGTH = 22
TOKEN_LENGTH = ID_LENGTH + 1 + 32


class MailSecrets:
    """Makes tokens and codes with the first secret, and accepts those of every secret."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = [derive(secret, DERIVE_LINKS) for secret in secrets]

    def token(self, mail_id: str) -> str:
        return _token(self._keys[0], mail_id)

    def code(self, mail_id: str) -> str:
        """Return the code as it is shown: four letters, a hyphen, four letters."""
        code = _code(self._keys[0], mail_id)
        return f"{code[:4]}-{code[4:]}"

    def id_of(self, token: str) -> str | None:
        """Return the id of a genuine token's mail, None for any other text."""
        if len(token) != TOKEN_LENGTH or not token.isascii():
            return None
        mail_id, given = token[:ID_LENGTH], token.encode()
        genuine = [hmac.compare_digest(_token(key, mail_id).encode(), given) for key in self._keys]
        return mail_id if any(genuine) else None

    def is_code_of(self, mail_id: str, typed: str) -> bool:
        """Return whether it is the mail's code, in any case, with or without hyphens and spaces."""
        given = normal_code(typed).encode()
        matches = [hmac.compare_digest(_code(key, mail_id).encode(), given) for key in self._keys]
        return any(matches)


def normal_code(typed: str) -> str:
    """Return a typed code as it is compared; empty for what is none."""
    letters = typed.replace("-", "").replace(" ", "").upper()
    is_code = len(letters) == CODE_LENGTH and set(letters) <= set(CODE_LETTERS)
    return letters if is_code else ""


def _token(key: bytes, mail_id: str) -> str:
    mac = hmac.digest(key, b"token " + mail_id.encode(), "sha256")[:MAC_BYTES]
    return f"{mail_id}.{urlsafe_b64encode(mac).decode()}"


def _code(key: bytes, mail_id: str) -> str:
    number = int.from_bytes(hmac.digest(key, b"code " + mail_id.encode(), "sha256"))
    letters = ""
    for _ in range(CODE_LENGTH):
        number, letter = divmod(number, len(CODE_LETTERS))
        letters += CODE_LETTERS[letter]
    return letters
