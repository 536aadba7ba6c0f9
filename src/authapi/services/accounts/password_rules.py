"""Which new passwords are accepted (docs/security.md; ASVS 6.1.2, 6.2.1 to 6.2.5, 6.2.9, 6.2.11).

  refused                                                         kind
  with control characters or lone surrogates                      control_characters
  under 8 characters, after NFC                                   password_too_short
  over 256 characters, after NFC                                  password_too_long
  in common_passwords.txt, in any case or Unicode form            password_too_common
  the account's e-mail address, its part before the @ (or before  password_is_own_name
  a + in it), the username or `authapi`: alone or with digits,
  punctuation and spaces before, after or inside

Everything else is accepted. These rules don't hold for passwords that exist already.
"""

from functools import cache
from importlib.resources import files
from unicodedata import category

from authapi.crypto.passwords import MAX_TYPED_LENGTH, normalise
from authapi.errors import InvalidField
from authapi.services.accounts.names import canonical, has_control_characters

MIN_LENGTH = 8
MAX_LENGTH = 256
PRODUCT_NAME = "authapi"

# A shorter name between digits is allowed: "x" and twenty digits is not a name.
MIN_STEM_LENGTH = 3

# Unicode's classes of punctuation, separators and symbols, but for pictures (So).
BETWEEN = ("P", "Z", "Sc", "Sk", "Sm")


def require_acceptable_password(
    password: str, *, field: str, email: str, username: str | None
) -> None:
    """Raise InvalidField for `field`, never with the password in it."""
    if has_control_characters(password):
        raise InvalidField(field, "Control characters are not allowed.", "control_characters")
    # A password that is too long to normalise is too long in any form.
    length = len(password if len(password) > MAX_TYPED_LENGTH else normalise(password))
    if length < MIN_LENGTH:
        message = f"A password has at least {MIN_LENGTH} characters."
        raise InvalidField(field, message, "password_too_short")
    if length > MAX_LENGTH:
        message = f"A password has at most {MAX_LENGTH} characters."
        raise InvalidField(field, message, "password_too_long")
    if is_common(password):
        message = "This password is among those that are guessed first."
        raise InvalidField(field, message, "password_too_common")
    if is_own_name(password, email=email, username=username):
        message = "A password can't be the account's own name, nor the service's."
        raise InvalidField(field, message, "password_is_own_name")


def is_common(password: str) -> bool:
    return f"\n{canonical(password)}\n" in _common_passwords()


def is_own_name(password: str, *, email: str, username: str | None) -> bool:
    local_part = email.rpartition("@")[0]
    names = (email, local_part, local_part.partition("+")[0], username or "", PRODUCT_NAME)
    forbidden = {form for name in names for form in _forms(name)}
    return not forbidden.isdisjoint(_forms(password))


def _forms(text: str) -> set[str]:
    """Return the canonical text, its words joined, and these without digits around them."""
    whole = canonical(text)
    joined = "".join(letter for letter in whole if not category(letter).startswith(BETWEEN))
    stem = joined.strip("0123456789")
    forms = {whole, joined, stem if len(stem) >= MIN_STEM_LENGTH else ""}
    return forms - {""}


@cache
def _common_passwords() -> str:
    """Return all, a line each: 0.4 MB, searched in 0.04 ms. A set takes eight times the memory."""
    path = files("authapi.services.accounts") / "common_passwords.txt"
    return path.read_text(encoding="utf-8")
