"""Refusals of second factors, passkeys and identities (contract: more ways in)."""

from collections.abc import Mapping, Sequence

from authapi.errors.refusal import Refusal

AUTH_SESSION_SECONDS = 300


class InsufficientAuthorization(Refusal):
    """The first factor was right and the account has a second one.

    The names are those of the OAuth draft for first-party applications. `methods` are what the
    account has; POST /login/continue takes one of them with `auth_session`.
    """

    code = "insufficient_authorization"
    description = "A second factor is needed. Send it to /login/continue."
    members: Mapping[str, object] = {  # an example
        "auth_session": "Vt3nQ0xkJm8yS5aWcLr2HdZp7bGfE1uoTiKs9NqYh4M",
        "methods": ["totp", "recovery_code"],
        "expires_in": AUTH_SESSION_SECONDS,
    }

    def __init__(self, auth_session: str, methods: Sequence[str]) -> None:
        super().__init__()
        self.members = {
            "auth_session": auth_session,
            "methods": list(methods),
            "expires_in": AUTH_SESSION_SECONDS,
        }


class InvalidSession(Refusal):
    """One refusal for an auth_session or a challenge: unknown, expired, used up or used."""

    code = "invalid_session"
    description = "This log-in or ceremony has ended. Begin again."


class InvalidCode(Refusal):
    """A wrong code or assertion. It counts as a log-in failure."""

    code = "invalid_code"
    description = "The code or the passkey is wrong."


class AlreadyLinked(Refusal):
    status = 409
    code = "already_linked"
    description = "An account has this already."


class LastWayIn(Refusal):
    status = 409
    code = "last_way_in"
    description = "This is the only way to log in to the account. Add another one first."
