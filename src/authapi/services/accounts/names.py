"""E-mail addresses and usernames: which are accepted, and how they are compared.

The typed form is stored, shown and mailed to. Its `canonical` form is unique and looked up. Mail
goes to the stored address only, never to an address that was typed to find it.

  typed                                        compared as
  capitals; full-width or superscript letters  small plain letters
  the Kelvin sign, a final sigma, a ß          k, an ordinary sigma, ss
  a dotless i                                  itself: another letter, so another account

A domain is compared by its A-label, as the DNS does (IDNA 2008; UTS 46 without transitional
processing):

  bücher.example, BÜCHER。example              xn--bcher-kva.example
  faß.example; fass.example                    xn--fa-hia.example; itself: two owners
"""

import re
import unicodedata

import idna
from email_validator import EmailNotValidError, validate_email

from authapi.errors import InvalidField

MAX_EMAIL_LENGTH = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
MAX_DOMAIN_LENGTH = 253  # RFC 1035 section 2.3.4, less the length octets
MAX_LABEL_LENGTH = 63
MAX_USERNAME_LENGTH = 64
ENCODED_WORD = "=?"
MAX_TYPED_LENGTH = 1024  # as the schemas have it

# Control, format, surrogate, private use, unassigned (a later Unicode could fold it), line and
# paragraph separator: nobody sees them, or they change with Unicode.
UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Letters, marks and symbols without a shape: U+2800 and Default_Ignorable_Code_Point.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# Separators and format characters: a byte order mark, a soft hyphen, marks of direction.
BLANK_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cf"})

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# email-validator always refuses these names, which intranets and test suites use.
INTRANET_DOMAIN = re.compile(r"\.(test|local|localhost|invalid|arpa|onion)$")


def canonical(text: str) -> str:
    """Return the text under NFKC and case folding, repeated until nothing changes.

    Raises ValueError for more than MAX_TYPED_LENGTH characters: it is quadratic in a run of
    combining marks.
    """
    if len(text) > MAX_TYPED_LENGTH:
        raise ValueError("The name is too long.")
    while (folded := unicodedata.normalize("NFKC", text).casefold()) != text:
        text = folded
    return text


def canonical_email(text: str) -> str:
    """Return the address with a canonical name and the A-label of its domain.

    Without an A-label, the text's canonical form: no account has it. Raises ValueError as
    `canonical` does.
    """
    folded = canonical(text)
    name, at, domain = text.rpartition("@")
    if at and (a_label := find_a_label(domain)):
        return f"{canonical(name)}@{a_label}"
    # An @ of another width is one only now.
    name, at, domain = folded.rpartition("@")
    a_label = find_a_label(domain) if at else None
    return f"{name}@{a_label}" if a_label else folded


def find_a_label(domain: str) -> str | None:
    """Return the domain as the DNS has it, in ASCII, or None if there is no such domain."""
    if len(domain) > MAX_DOMAIN_LENGTH:
        return None  # an A-label is longer still
    try:
        mapped = idna.uts46_remap(domain, std3_rules=True)
        # Before idna looks at them: its time is quadratic in a label of Arabic digits.
        if any(len(label) > MAX_LABEL_LENGTH for label in mapped.split(".")):
            return None
        return idna.encode(mapped).decode()
    except idna.IDNAError:
        return None


def parse_email(typed: str) -> str:
    """Return an e-mail address as typed. Raises InvalidField.

    A domain needs a dot: most who type `ada@gmail` forgot it.
    """
    if complaint := _email_complaint(typed):
        raise InvalidField("email", complaint, "email_invalid")
    return typed


def parse_username(typed: str) -> str:
    """Return a username as typed. Raises InvalidField."""
    if complaint := _username_complaint(typed):
        raise InvalidField("username", complaint, "username_invalid")
    return typed


def trimmed(typed: str) -> str:
    """Return a name without white space and invisible characters around it.

    A telephone's keyboard adds a space, a web page that is copied from a zero-width one. Control
    characters stay, and are refused.
    """
    first, end = 0, len(typed)
    while first < end and _is_blank(typed[first]):
        first += 1
    while first < end and _is_blank(typed[end - 1]):
        end -= 1
    return typed[first:end]


def has_control_characters(text: str) -> bool:
    """Return whether it has control characters (NUL is one) or lone surrogates (no UTF-8)."""
    return CONTROL.search(text) is not None


def _email_complaint(typed: str) -> str | None:
    complaint = "This is not an e-mail address."
    if _is_too_long(typed, MAX_EMAIL_LENGTH) or _has_unseen(typed):
        return complaint
    name, _, domain = typed.rpartition("@")
    folded = canonical(typed)
    # RFC 2047: mail programs, and Python, read another address out of an encoded word.
    if folded.count("@") != 1 or not name or not domain or ENCODED_WORD in folded:
        return complaint
    if (a_label := find_a_label(domain)) is None:
        return "The part behind the @ is not a domain that can exist."
    sent = f"{name}@{a_label}"  # to a mail server that knows ASCII domains only
    if len(sent) > MAX_EMAIL_LENGTH:
        return complaint
    try:
        # strict: the part before the @ has at most 64 characters (RFC 5321 section 4.5.3.1.1).
        validate_email(INTRANET_DOMAIN.sub(".com", sent), check_deliverability=False, strict=True)
    except EmailNotValidError:
        return complaint
    return None


def _username_complaint(typed: str) -> str | None:
    if not typed:
        return "A username can't be empty."
    if _is_too_long(typed, MAX_USERNAME_LENGTH):
        return f"A username has at most {MAX_USERNAME_LENGTH} characters."
    if _has_unseen(typed):
        return "A username can't have characters that can't be seen."
    folded = canonical(typed)
    if "@" in folded:
        return "A username can't have an @."
    if " ".join(folded.split()) != folded:
        return "A username can't begin or end with a space, or have two in a row."
    return None


def _is_too_long(typed: str, longest: int) -> bool:
    # The canonical form counts too: one character can fold to eighteen.
    return len(typed) > longest or len(canonical(typed)) > longest


def _is_blank(character: str) -> bool:
    category = unicodedata.category(character)
    return category in BLANK_CATEGORIES or UNSEEN.match(character) is not None


def _has_unseen(typed: str) -> bool:
    return any(
        unicodedata.category(character) in UNSEEN_CATEGORIES or UNSEEN.match(character)
        for character in typed
    )
