"""Every refusal that a client can meet, each with its status and code (docs/errors.md).

Refusal
├── BadRequest              400 invalid_request
├── InvalidTarget           400 invalid_target: a `resource` that is no service of ours
├── InsufficientAuthorization 400 insufficient_authorization: log-in, a second factor is needed
├── InvalidSession          400 invalid_session: an auth_session or a challenge
├── InvalidCode             400 invalid_code: a second factor
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
├── AlreadyLinked           409 already_linked: a passkey or identity of an account
├── LastWayIn               409 last_way_in
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

from authapi.errors.allowed import (
    SCOPE,
    CsrfFailed,
    EmailNotVerified,
    Forbidden,
    InsufficientScope,
    OriginNotAllowed,
    RegistrationClosed,
    RegistrationWaits,
    WrongPassword,
)
from authapi.errors.conflicts import (
    AccountDisabled,
    AlreadyRegistered,
    LastAdministrator,
    UsernameTaken,
)
from authapi.errors.credentials import (
    InsufficientUserAuthentication,
    InvalidCredentials,
    InvalidGrant,
    InvalidLink,
    InvalidTarget,
    InvalidToken,
    NoCredential,
)
from authapi.errors.factors import (
    AUTH_SESSION_SECONDS,
    AlreadyLinked,
    InsufficientAuthorization,
    InvalidCode,
    InvalidSession,
    LastWayIn,
)
from authapi.errors.operator import CommandError, OperatorError
from authapi.errors.refusal import Refusal
from authapi.errors.requests import (
    BadRequest,
    HeaderFieldsTooLarge,
    InvalidField,
    MethodNotAllowed,
    NotFound,
    PasswordCheckUnavailable,
    PayloadTooLarge,
    RateLimited,
    ServerError,
    Unavailable,
    UnsupportedMediaType,
    UriTooLong,
)

__all__ = [
    "AUTH_SESSION_SECONDS",
    "SCOPE",
    "AccountDisabled",
    "AlreadyLinked",
    "AlreadyRegistered",
    "BadRequest",
    "CommandError",
    "CsrfFailed",
    "EmailNotVerified",
    "Forbidden",
    "HeaderFieldsTooLarge",
    "InsufficientAuthorization",
    "InsufficientScope",
    "InsufficientUserAuthentication",
    "InvalidCode",
    "InvalidCredentials",
    "InvalidField",
    "InvalidGrant",
    "InvalidLink",
    "InvalidSession",
    "InvalidTarget",
    "InvalidToken",
    "LastAdministrator",
    "LastWayIn",
    "MethodNotAllowed",
    "NoCredential",
    "NotFound",
    "OperatorError",
    "OriginNotAllowed",
    "PasswordCheckUnavailable",
    "PayloadTooLarge",
    "RateLimited",
    "Refusal",
    "RegistrationClosed",
    "RegistrationWaits",
    "ServerError",
    "Unavailable",
    "UnsupportedMediaType",
    "UriTooLong",
    "UsernameTaken",
    "WrongPassword",
]
