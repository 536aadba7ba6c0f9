"""The Authorization header of a request, and the answer to one that is refused (RFC 6750).

  status  error               when
  400     invalid_request     two Authorization headers
  401     invalid_token       no token; the challenge then says nothing more (section 3.1)
  401     invalid_token       a bad one, whatever is bad about it
  403     insufficient_scope  a good one, and not enough
  503     unavailable         the verifier cannot tell yet

For any framework; authapi.verifier.fastapi is FastAPI's.
"""

import logging
from collections.abc import Iterable, Sequence

from authapi.verifier.claims import Claims
from authapi.verifier.errors import InvalidTokenError, VerifierNotReadyError

log = logging.getLogger("authapi.verifier")

CHALLENGE = 'Bearer realm="authapi"'


class RefusedRequest(Exception):
    """What to answer: `status`, `headers`, and `body` as JSON."""

    def __init__(self, status: int, error: str, description: str, headers: dict[str, str]) -> None:
        super().__init__(description)
        self.status = status
        self.headers = headers
        self.body = {"error": error, "error_description": description}


def bearer_token(authorization: Sequence[str]) -> str:
    """The token of a request's Authorization headers. Raises RefusedRequest.

    A header that is not `Bearer` and one token gives a token that no verifier accepts.
    """
    if not authorization:
        raise _unauthorized("A credential is required.", CHALLENGE)
    if len(authorization) > 1:
        description = "There are two Authorization headers."
        raise RefusedRequest(400, "invalid_request", description, {})
    scheme, _, token = authorization[0].partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else ""


def refused_token(error: InvalidTokenError) -> RefusedRequest:
    """The answer to a token that the verifier refused; the reason goes into the log alone."""
    if isinstance(error, VerifierNotReadyError):
        description = "The service can't answer now. Try again soon."
        return RefusedRequest(503, "unavailable", description, {"Retry-After": "1"})
    log.info("An access token was refused: %s", error.reason)
    return _unauthorized("The access token is not valid.", f'{CHALLENGE}, error="invalid_token"')


def require_scopes(claims: Claims, scopes: Iterable[str]) -> None:
    """Raise RefusedRequest unless the token has all of these scopes."""
    wanted = frozenset(scopes)
    if not wanted <= claims.scopes:
        named = " ".join(sorted(wanted))
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{named}"'
        description = "The access token's scope is not enough for this."
        headers = {"WWW-Authenticate": challenge}
        raise RefusedRequest(403, "insufficient_scope", description, headers)


def _unauthorized(description: str, challenge: str) -> RefusedRequest:
    return RefusedRequest(401, "invalid_token", description, {"WWW-Authenticate": challenge})
