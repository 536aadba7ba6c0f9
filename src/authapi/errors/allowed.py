"""Refusals of who is known, but may not do this: 403."""

import re
from collections.abc import Iterable

from authapi.errors.refusal import Refusal
from authapi.verifier import bearer

SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class Forbidden(Refusal):
    status = 403
    code = "forbidden"
    description = "This is not allowed."


class WrongPassword(Forbidden):
    code = "invalid_credentials"
    description = "The password is wrong."


class InsufficientScope(Forbidden):
    """RFC 6750 section 3.1: names the scope that would have been enough."""

    code = "insufficient_scope"
    description = bearer.INSUFFICIENT_SCOPE

    def __init__(self, scopes: Iterable[str] = ()) -> None:
        super().__init__()
        # A caller who asks for what no scope can be (RFC 6749 section 3.3) is not quoted.
        named = [scope for scope in scopes if SCOPE.fullmatch(scope)]
        self.headers = {"WWW-Authenticate": bearer.scope_challenge(named)}


class CsrfFailed(Forbidden):
    """`reason`, a sentence, is for the log. `told` is told instead, on a developer's machine."""

    code = "csrf_failed"
    description = "A request that a cookie authenticates must come from this service's pages."

    def __init__(self, reason: str = "It has no X-CSRF-Token.", told: str | None = None) -> None:
        super().__init__(told)
        self.reason = reason


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    description = "The e-mail address of this account is not verified yet."


class RegistrationWaits(EmailNotVerified):
    """The same bytes, but a failed guess at the account, if the address has one."""


class OriginNotAllowed(Forbidden):
    """The browser tells the page as much. The description is for a person at the network log."""

    code = "origin_not_allowed"
    description = "This origin, method or header is not allowed (AUTHAPI_CORS_ORIGINS)."


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    description = "Registration is closed."
