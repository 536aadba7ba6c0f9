"""Every refusal that a client can meet, each with its status and code (docs/errors.md).

Refusal
├── BadRequest              400 invalid_request
├── InvalidTarget           400 invalid_target: a `resource` that is no service of ours
├── InvalidLink             400 invalid_link: a link or a code from a mail
├── InvalidToken            401 invalid_token: an access token or session cookie
│   └── NoCredential        401 invalid_token, without `error` in the challenge (RFC 6750 3.1)
├── InvalidCredentials      401 invalid_credentials: log-in
├── InvalidGrant            401 invalid_grant: refresh
├── InsufficientUserAuthentication 401 insufficient_user_authentication: the log-in is too old
├── Forbidden               403
│   ├── WrongPassword       403 invalid_credentials: a signed-in user's own password
│   ├── InsufficientScope   403 insufficient_scope
│   ├── OriginNotAllowed    403 origin_not_allowed: a CORS preflight
│   ├── CsrfFailed          403 csrf_failed
│   ├── EmailNotVerified    403 email_not_verified: log-in, by setting
│   │   └── RegistrationWaits 403 email_not_verified: log-in before the address is proven
│   └── RegistrationClosed  403 registration_closed
├── NotFound                404 not_found
├── AlreadyRegistered       409 already_registered
├── UsernameTaken           409 username_taken
├── LastAdministrator       409 last_administrator
├── AccountDisabled         409 account_disabled: to an administrator only
├── MethodNotAllowed        405 method_not_allowed
├── PayloadTooLarge         413 payload_too_large
├── UriTooLong              414 uri_too_long
├── UnsupportedMediaType    415 unsupported_media_type
├── InvalidField            422 validation_error: a rule that the schema can't state
├── RateLimited             429 rate_limited
├── HeaderFieldsTooLarge    431 request_header_fields_too_large
├── ServerError             500 server_error
└── Unavailable             503 unavailable
    └── PasswordCheckUnavailable 503 unavailable

OperatorError is no refusal: the service can't run, or a command can't be carried out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import ceil

from authapi.verifier import bearer, required_log_in

SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class Refusal(Exception):
    """A request that is answered with `status` and the one error body."""

    status = 400
    code = "invalid_request"
    description = "The request can't be served."
    headers: Mapping[str, str] = {}

    def __init__(self, description: str | None = None) -> None:
        super().__init__(description or self.description)
        self.description = description or self.description

    @classmethod
    def names(cls) -> Iterator[str]:
        """Yield the names of all classes below this one."""
        for below in cls.__subclasses__():
            yield below.__name__
            yield from below.names()


class BadRequest(Refusal):
    description = "The request is malformed."


class InvalidTarget(Refusal):
    """RFC 8707 section 2."""

    code = "invalid_target"
    description = "Access tokens are not issued for this resource."


class InvalidLink(Refusal):
    """One refusal for a link or code that is unknown, wrong, expired or used."""

    code = "invalid_link"
    description = "This link or code is not valid any more. Ask for a new mail."


class InvalidToken(Refusal):
    """One refusal for every bad credential: which rule it broke is for the log alone."""

    status = 401
    code = "invalid_token"
    description = bearer.INVALID
    headers: Mapping[str, str] = {"WWW-Authenticate": bearer.INVALID_TOKEN_CHALLENGE}


class NoCredential(InvalidToken):
    description = bearer.NO_CREDENTIAL
    headers: Mapping[str, str] = {"WWW-Authenticate": bearer.CHALLENGE}


class InvalidCredentials(Refusal):
    """The same for a wrong password, an unknown user and a disabled one."""

    status = 401
    code = "invalid_credentials"
    description = "The account or the password is wrong."
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class InvalidGrant(Refusal):
    status = 401
    code = "invalid_grant"
    description = "The refresh token is not valid."
    headers: Mapping[str, str] = {"WWW-Authenticate": bearer.CHALLENGE}


class InsufficientUserAuthentication(Refusal):
    """RFC 9470 section 3: names the greatest age of a log-in, or the level, that is enough."""

    status = 401
    code = required_log_in.INSUFFICIENT
    description = required_log_in.INSUFFICIENT_LOG_IN

    def __init__(self, max_age: int | None = None, *, acr: str | None = None) -> None:
        super().__init__()
        self.headers = {"WWW-Authenticate": required_log_in.RequiredLogIn(max_age, acr).challenge}


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


class NotFound(Refusal):
    status = 404
    code = "not_found"
    description = "There is nothing here."


class AlreadyRegistered(Refusal):
    status = 409
    code = "already_registered"
    description = "This e-mail address is registered already."


class UsernameTaken(Refusal):
    status = 409
    code = "username_taken"
    description = "This username is taken."


class LastAdministrator(Refusal):
    status = 409
    code = "last_administrator"
    description = "This is the last administrator. Make another one first."


class AccountDisabled(Refusal):
    status = 409
    code = "account_disabled"
    description = "This account is disabled: the link in the mail would open nothing."


class MethodNotAllowed(Refusal):
    status = 405
    code = "method_not_allowed"
    description = "The method is not allowed here."

    def __init__(self, allowed: str) -> None:
        super().__init__()
        self.headers = {"Allow": allowed}


class PayloadTooLarge(Refusal):
    status = 413
    code = "payload_too_large"
    description = "The body is larger than 64 KiB."


class UriTooLong(Refusal):
    status = 414
    code = "uri_too_long"
    description = "The target is longer than 8 KiB."


class UnsupportedMediaType(Refusal):
    status = 415
    code = "unsupported_media_type"
    description = "The body must be application/json."


class InvalidField(Refusal):
    """A field that has the right type and breaks a rule. `message` never repeats the input."""

    status = 422
    code = "validation_error"
    description = "The request has a field that is not valid."

    def __init__(self, field: str, message: str, kind: str, *, place: str = "body") -> None:
        super().__init__()
        self.errors = [{"loc": [place, field], "msg": message, "type": kind}]


class RateLimited(Refusal):
    status = 429
    code = "rate_limited"
    description = "Too many requests. Wait before you try again."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, ceil(retry_after)))}


class HeaderFieldsTooLarge(Refusal):
    status = 431
    code = "request_header_fields_too_large"
    description = "The head of the request is larger than 64 KiB, or has more than 200 fields."


class ServerError(Refusal):
    """A mistake of ours. What happened is in the log, under the request's X-Request-ID."""

    status = 500
    code = "server_error"
    description = "Something went wrong here."


class Unavailable(Refusal):
    status = 503
    code = "unavailable"
    description = bearer.UNAVAILABLE
    headers: Mapping[str, str] = bearer.RETRY_SOON


class PasswordCheckUnavailable(Unavailable):
    """AUTHAPI_BREACHED_PASSWORDS_FAIL_CLOSED: nobody can say whether the password was stolen."""

    description = "New passwords can't be checked now. Try again soon."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(ceil(retry_after))}


class OperatorError(Exception):
    """A state that only the operator can mend. The sentence says how, and no client is told."""


class CommandError(OperatorError):
    """A command or a setting that makes no sense: exit status 1 and one sentence."""
