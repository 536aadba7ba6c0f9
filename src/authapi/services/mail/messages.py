"""Every mail, and its text in the reader's language.

| kind                 | link to    | good for | sent to                                 |
| -------------------- | ---------- | -------- | --------------------------------------- |
| verify_email         | VERIFY_URL | 24 hours | a new account's address                 |
| confirm_registration | VERIFY_URL | 24 hours | who registers, and has no account yet   |
| change_email         | VERIFY_URL | 24 hours | the address that is to be the account's |
| email_changed        | UNDO_URL   | 72 hours | the address that was the account's      |
| reset_password       | RESET_URL  | 15 min   | the account's address                   |
| already_registered   |            |          | who registers again                     |
| email_taken          |            |          | whose address another account asked for |
| password_changed     |            |          | the account's address                   |
| new_device           |            |          | the account's address                   |
| session_replayed     |            |          | the account's address                   |
| signed_out           |            |          | the account's address                   |
| factor_added         |            |          | the account's address                   |
| first_factor_added   | UNDO_URL   | 72 hours | the same, if it is verified and no      |
|                      |            |          | second factor had to be proven          |
| factor_removed       |            |          | the account's address                   |
| account_created      | RESET_URL  | 24 hours | the address of an account that an       |
|                      |            |          | administrator made without a password   |
| account_changed      |            |          | the account's address                   |
| account_deleted      |            |          | the address that was the account's      |

Which language a mail is in is decided when it is asked for: see `Languages`.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from authapi.config import Settings
from authapi.db.links import Purpose

TEMPLATES = Path(__file__).with_name("templates")
DEFAULT_LOCALE = "en"
MAX_LANGUAGES, MAX_HEADER_CHARACTERS = 10, 256  # of an Accept-Language header


class MailKind(StrEnum):
    VERIFY_EMAIL = "verify_email"
    CONFIRM_REGISTRATION = "confirm_registration"
    CHANGE_EMAIL = "change_email"
    EMAIL_CHANGED = "email_changed"
    RESET_PASSWORD = "reset_password"  # noqa: S105
    ALREADY_REGISTERED = "already_registered"
    EMAIL_TAKEN = "email_taken"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    NEW_DEVICE = "new_device"
    SESSION_REPLAYED = "session_replayed"
    SIGNED_OUT = "signed_out"
    FACTOR_ADDED = "factor_added"
    FIRST_FACTOR_ADDED = "first_factor_added"
    FACTOR_REMOVED = "factor_removed"
    ACCOUNT_CREATED = "account_created"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_DELETED = "account_deleted"


@dataclass(frozen=True, slots=True)
class LinkRule:
    """What the link in a mail does, where it leads, and for how long."""

    purpose: Purpose
    setting: str
    path: str  # of the page of our own
    seconds: int


LINKS: Mapping[MailKind, LinkRule] = {
    MailKind.VERIFY_EMAIL: LinkRule(Purpose.VERIFY, "verify_url", "/email/verify", 86400),
    MailKind.CONFIRM_REGISTRATION: LinkRule(Purpose.VERIFY, "verify_url", "/email/verify", 86400),
    MailKind.CHANGE_EMAIL: LinkRule(Purpose.CHANGE, "verify_url", "/email/verify", 86400),
    MailKind.EMAIL_CHANGED: LinkRule(Purpose.UNDO, "undo_url", "/email/undo", 3 * 86400),
    MailKind.FIRST_FACTOR_ADDED: LinkRule(
        Purpose.UNDO_FACTORS, "undo_url", "/email/undo", 3 * 86400
    ),
    MailKind.RESET_PASSWORD: LinkRule(Purpose.RESET, "reset_url", "/password/reset", 900),
    MailKind.ACCOUNT_CREATED: LinkRule(Purpose.RESET, "reset_url", "/password/reset", 86400),
}
# Mails that nobody asked for: they tell of something that happened.
NOTICES = {MailKind.EMAIL_CHANGED, MailKind.FIRST_FACTOR_ADDED} | set(MailKind) - LINKS.keys()
NOTICES -= {MailKind.ALREADY_REGISTERED, MailKind.EMAIL_TAKEN}
# An undo link works for who reads the mailbox of then, and nobody types its code.
WITHOUT_CODE = frozenset({MailKind.EMAIL_CHANGED, MailKind.FIRST_FACTOR_ADDED})


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to be written. `details` are values for its template; they hold no secret.

    `canonical` is the form of `to` that is compared; a mail with a link needs it. Without a
    `user_id` a stranger typed the address: the account is looked up when the mail is sent, and the
    mail goes to the account's own spelling of it.
    """

    kind: MailKind
    to: str
    canonical: str = ""
    locale: str = DEFAULT_LOCALE
    user_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Languages:
    """The languages that mails can be in: those of our templates, and of MAIL_TEMPLATES."""

    def __init__(self, settings: Settings) -> None:
        custom = settings.mail_templates
        self.folders = (TEMPLATES,) if custom is None else (custom, TEMPLATES)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Return the names of the folders, by their form in small letters."""
        return {
            path.name.lower(): path.name
            for folder in self.folders
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith(".")
        }

    def choose(self, wanted: str | None, accept_language: str = "") -> str:
        """Return the language that was asked for, else the one that the browser prefers."""
        for tag in (wanted or "", *languages_by_preference(accept_language)):
            for candidate in (tag.lower(), tag.lower().partition("-")[0]):
                if candidate in self.names:
                    return self.names[candidate]
        return DEFAULT_LOCALE


def languages_by_preference(header: str) -> list[str]:
    """Return the languages of an Accept-Language header (RFC 9110 section 12.5.4)."""
    weighted = []
    for part in header[:MAX_HEADER_CHARACTERS].split(",")[:MAX_LANGUAGES]:
        tag, _, parameter = part.partition(";")
        weight = parameter.strip().removeprefix("q=") or "1"
        with suppress(ValueError):
            weighted.append((float(weight), tag.strip()))
    return [tag for weight, tag in sorted(weighted, key=lambda pair: -pair[0]) if weight > 0]
