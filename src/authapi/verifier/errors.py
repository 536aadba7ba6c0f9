"""The one exception type of the verifier, and its variants for a verifier that may yet learn."""


class InvalidTokenError(Exception):
    """The token is refused.

    `reason` is one sentence for the log. It never contains anything of the token, and a client
    is not told: whatever is wrong with a token, the answer is the same (RFC 8725 section 3.3).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKeyError(InvalidTokenError):
    """No key has the token's `kid`: it is forged, or signed since the keys were fetched."""


class VerifierNotReadyError(InvalidTokenError):
    """Nothing is wrong with the token as far as known: keys or revocations were never loaded,
    or the revocations are stale where that is to refuse.

    A service answers 503 to this, not 401.
    """


class CatchUpError(VerifierNotReadyError):
    """What is known is older than `catch_up`: the issuer is asked before the token passes."""
