"""Issues token pairs and session tickets. Nothing else does (access tokens: RFC 9068)."""

import re
from dataclasses import dataclass, replace
from typing import Any, Self

from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.crypto.refresh_tokens import RefreshClaims
from authapi.crypto.session_ids import SessionId
from authapi.db.models import Transport
from authapi.db.sessions import LockedSession
from authapi.errors import InvalidTarget
from authapi.services.factors.steps import level_of, words_of
from authapi.services.keys.ring import Keys

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 section 2.1
CLIENT_ID = "authapi"
NAME = re.compile(r"[\w.:/ -]{1,100}", re.ASCII)  # what a refusal repeats of a `resource`


def auth_claims(created_at: float, amr: str) -> dict[str, Any]:
    """Return when and how the user of a session was authenticated (RFC 9068 section 2.2.1)."""
    return {"auth_time": int(created_at), "acr": level_of(amr), "amr": words_of(amr)}


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and a refresh token of one session. Times are seconds from now.

    `authorization_expires_in`: when the session ends, however often it is refreshed.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    authorization_expires_in: int
    scope: str
    session_id: str
    transport: str
    rotated: bool
    remember: bool


@dataclass(frozen=True, slots=True)
class SessionTicket:
    """The tokens of transport `session`: an opaque id, for a cookie."""

    session_id: SessionId
    expires_in: int
    scope: str
    remember: bool


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Issues tokens for sessions whose rows were read under a lock.

    Access tokens are for `resource`, one of AUDIENCES, or for authapi itself without one.
    """

    settings: Settings
    keys: Keys
    resource: str | None = None

    def for_resource(self, resource: str | None, transport: Transport | None = None) -> Self:
        """Return an issuer of access tokens for that service alone (RFC 8707).

        Raises InvalidTarget for another value than AUDIENCE and AUDIENCES. So it does for another
        service by transport `session`, which has no access token that could be for it alone.
        """
        if resource is None or resource == self.settings.audience:
            return self
        if resource not in self.settings.audiences:
            named = f"`{resource}`" if NAME.fullmatch(resource) else "The resource"
            told = f"{named} is not in AUTHAPI_AUDIENCES."
            raise InvalidTarget(told if self.settings.is_local else None)
        if transport is Transport.SESSION:
            raise InvalidTarget
        return replace(self, resource=resource)

    def issue_ticket(self, session: LockedSession, session_id: SessionId) -> SessionTicket:
        """Return a ticket that is good to the session's absolute end."""
        expires_in = int(session.ends_at - session.now)
        return SessionTicket(session_id, expires_in, session.scopes, session.remember)

    def issue_pair(
        self, session: LockedSession, *, refresh_jti: str, parent: str, rotated: bool = True
    ) -> TokenPair:
        """Return a pair. The access token never outlives the session.

        The refresh token has the times of its exchange, so a repeated answer is the same token.
        """
        exchanged_at, refresh_ends = int(session.exchanged_at), int(session.expires_at)
        refresh = RefreshClaims(session.sid, refresh_jti, parent, exchanged_at, refresh_ends)
        # A token made in the second of a change of scopes must not look older than the change.
        issued_at = int(max(session.now, session.tokens_from or 0))
        expires_at = int(min(issued_at + self.settings.access_token_ttl, session.expires_at))
        return TokenPair(
            access_token=self._access_token(session, issued_at, expires_at),
            expires_in=expires_at - issued_at,
            refresh_token=self.keys.refresh_tokens.sign(refresh),
            refresh_expires_in=refresh_ends - issued_at,
            authorization_expires_in=int(session.ends_at) - issued_at,
            scope=session.scopes,
            session_id=session.sid,
            transport=session.transport,
            rotated=rotated,
            remember=session.remember,
        )

    def _access_token(self, session: LockedSession, issued_at: int, expires_at: int) -> str:
        claims = {
            "iss": self.settings.public_url,
            "sub": session.user_id,
            "aud": self.resource or self.settings.audience,
            "exp": expires_at,
            "iat": issued_at,
            "jti": new_id(),
            "client_id": CLIENT_ID,
            "sid": session.sid,
            **auth_claims(session.created_at, session.amr),
        }
        if session.scopes:
            claims["scope"] = session.scopes
        return self.keys.ring.signing_key(session.now).sign(claims, ACCESS_TOKEN_TYPE)
