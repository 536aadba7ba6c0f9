"""Every event that is logged for an operator. docs/security.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class EventType(StrEnum):
    """The name of an event in the log."""

    USER_REGISTERED = "user_registered"
    USER_CREATED = "user_created"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    ACCOUNT_DELETED = "account_deleted"
    USERNAME_CHANGED = "username_changed"
    SCOPES_CHANGED = "scopes_changed"
    LOGIN_SUCCEEDED = "login_succeeded"
    LOGIN_FAILED = "login_failed"
    REAUTHENTICATED = "reauthenticated"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PASSWORD_RESET_MAILED = "password_reset_mailed"  # noqa: S105
    EMAIL_VERIFIED = "email_verified"
    EMAIL_UNVERIFIED = "email_unverified"
    EMAIL_CHANGED = "email_changed"
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105
    FACTOR_ADDED = "factor_added"
    FACTOR_RENAMED = "factor_renamed"
    FACTOR_REMOVED = "factor_removed"
    FACTOR_UNDONE = "factor_undone"
    FACTOR_REFUSED = "factor_refused"
    FACTORS_RESET = "factors_reset"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    SESSIONS_REVOKED = "sessions_revoked"
    ALL_SESSIONS_REVOKED = "all_sessions_revoked"
    REFRESH_TOKEN_REPLAYED = "refresh_token_replayed"  # noqa: S105
    PASSKEY_COPIED = "passkey_copied"
    SIGNING_KEY_ADDED = "signing_key_added"
    SIGNING_KEY_COMPROMISED = "signing_key_compromised"


# These are warnings: an operator should look at them soon.
ALARMING = frozenset(
    {
        EventType.REFRESH_TOKEN_REPLAYED,
        EventType.PASSKEY_COPIED,
        EventType.SIGNING_KEY_COMPROMISED,
    }
)


# No act of a person or an administrator: these have no row.
ONLY_LOGGED = frozenset({EventType.SIGNING_KEY_ADDED, EventType.SIGNING_KEY_COMPROMISED})


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `fields` name the user, sessions or address, and hold no secret."""

    type: EventType
    fields: Mapping[str, object]
