"""Read the Authorization header of a request, and answer a refused one (RFC 6750).

status  error               when
400     invalid_request     two Authorization headers
401     invalid_token       no token (the challenge names no error, section 3.1), or a bad one
401     insufficient_user_authentication  a good token of a log-in that is too old or too weak
403     insufficient_scope  a good token without the scopes
503     unavailable         the verifier cannot tell yet
"""

from collections.abc import Iterable, Sequence

from authapi.verifier.claims import Claims
from authapi.verifier.errors import InvalidTokenError, VerifierNotReadyError
from authapi.verifier.log import log
from authapi.verifier.required_log_in import INSUFFICIENT, INSUFFICIENT_LOG_IN, RequiredLogIn

CHALLENGE = 'Bearer realm="authapi"'
INVALID_TOKEN_CHALLENGE = f'{CHALLENGE}, error="invalid_token"'
TWO_HEADERS = "There are two Authorization headers."
NO_CREDENTIAL = "A credential is required."
INVALID = "The access token is not valid."
INSUFFICIENT_SCOPE = "The access token's scope is not enough for this."
UNAVAILABLE = "The service can't answer now. Try again soon."
RETRY_SOON = {"Retry-After": "1"}


def scope_challenge(scopes: Iterable[str]) -> str:
    """Return the challenge that names the scopes which would have been enough."""
    return f'{CHALLENGE}, error="insufficient_scope", scope="{" ".join(scopes)}"'


class RefusedRequest(Exception):
    """A refusal: the `status`, the `headers` and the JSON `body` to answer."""

    def __init__(self, status: int, error: str, description: str, headers: dict[str, str]) -> None:
        super().__init__(description)
        self.status, self.headers = status, headers
        self.body = {"error": error, "error_description": description}


def bearer_token(authorization: Sequence[str]) -> str:
    """Return the token of a request's Authorization headers. Raises RefusedRequest.

    For another scheme than `Bearer` return a token that no verifier accepts.
    """
    token = optional_bearer_token(authorization)
    if token is None:
        raise _unauthorized(NO_CREDENTIAL, CHALLENGE)
    return token


def optional_bearer_token(authorization: Sequence[str]) -> str | None:
    """As bearer_token, but None without a header. Raises RefusedRequest for two."""
    if not authorization:
        return None
    if len(authorization) > 1:
        raise RefusedRequest(400, "invalid_request", TWO_HEADERS, {})
    scheme, _, token = authorization[0].partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else ""


def authorization_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the Authorization headers among those of an ASGI scope."""
    return [value.decode("latin-1") for name, value in headers if name == b"authorization"]


def refused_token(error: InvalidTokenError) -> RefusedRequest:
    """Return the answer to a refused token. The reason goes into the log only."""
    if isinstance(error, VerifierNotReadyError):
        return RefusedRequest(503, "unavailable", UNAVAILABLE, {**RETRY_SOON})
    log.info("An access token was refused: %s", error.reason)
    return _unauthorized(INVALID, INVALID_TOKEN_CHALLENGE)


def require_scopes(claims: Claims, scopes: Iterable[str]) -> None:
    """Raise RefusedRequest unless the token has all of these scopes."""
    wanted = frozenset(scopes)
    if not wanted <= claims.scopes:
        headers = {"WWW-Authenticate": scope_challenge(sorted(wanted))}
        raise RefusedRequest(403, "insufficient_scope", INSUFFICIENT_SCOPE, headers)


def require_log_in(claims: Claims, required: RequiredLogIn, *, now: float) -> None:
    """Raise RefusedRequest unless the log-in is enough at `now`, in Unix seconds (RFC 9470)."""
    if not required.is_met(claims, now=now):
        headers = {"WWW-Authenticate": required.challenge}
        raise RefusedRequest(401, INSUFFICIENT, INSUFFICIENT_LOG_IN, headers)


def _unauthorized(description: str, challenge: str) -> RefusedRequest:
    return RefusedRequest(401, "invalid_token", description, {"WWW-Authenticate": challenge})
