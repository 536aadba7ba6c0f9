"""What this process refuses although it has not expired. No request asks the database for it.

The process that revokes adds the session after its commit and before its answer.
"""

from collections.abc import Iterable

from authapi.clock import Clock
from authapi.verifier import Claims, RevokedSessions

# The longest life that an access token can have, whatever the setting is or was, with the
# greatest leeway and some slack: after that nothing of a revoked session can be in force.
WINDOW = 3600 + 30 + 60


class Revocations:
    """The revoked sessions of the last WINDOW seconds, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._revoked = RevokedSessions()

    def add(self, sids: Iterable[str]) -> None:
        until = self._clock() + WINDOW
        self._revoked.merge(dict.fromkeys(sids, until))

    def refuses(self, claims: Claims) -> bool:
        return self._revoked.refuses(claims)
