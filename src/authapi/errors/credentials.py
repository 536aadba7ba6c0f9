"""Refusals of a credential, a link or a resource: 400 and 401."""

from collections.abc import Mapping

from authapi.errors.refusal import Refusal
from authapi.verifier import bearer, required_log_in


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


class InvalidLink(Refusal):
    """One refusal for a link or code that is unknown, wrong, expired or used."""

    code = "invalid_link"
    description = "This link or code is not valid any more. Ask for a new mail."


class InvalidTarget(Refusal):
    """RFC 8707 section 2."""

    code = "invalid_target"
    description = "Access tokens are not issued for this resource."
