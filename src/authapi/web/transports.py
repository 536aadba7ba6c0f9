"""Where a credential is read, and how a token pair is handed over.

transport   access token                 refresh token
bearer      Authorization header, body   body
"""

from typing import Literal

from starlette.types import Scope

from authapi.errors import BadRequest
from authapi.services.token_issue import TokenPair
from authapi.web.schemas import TokenResponse

Transport = Literal["bearer"]


def bearer_token(scope: Scope) -> str | None:
    """The token of the one Authorization header (RFC 6750 section 2.1); None without a header.

    A header that is not `Bearer` and a token gives a token that no verifier accepts, so that it is
    refused like any other. Raises BadRequest for two headers.
    """
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if not values:
        return None
    if len(values) > 1:
        raise BadRequest("There are two Authorization headers.")
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else ""


def hand_over(pair: TokenPair) -> TokenResponse:
    """RFC 6749 section 5.1."""
    return TokenResponse(
        access_token=pair.access_token,
        expires_in=pair.expires_in,
        refresh_token=pair.refresh_token,
        refresh_expires_in=pair.refresh_expires_in,
        scope=pair.scope,
        session_id=pair.session_id,
    )
