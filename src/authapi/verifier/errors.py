"""InvalidTokenError, and its subclasses for a verifier that may learn more."""


class InvalidTokenError(Exception):
    """The token is refused.

    `reason` is a sentence for the log, and contains nothing of the token. A client does not see it:
    every bad token gets the same answer (RFC 8725 section 3.3).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKeyError(InvalidTokenError):
    """No key has the token's `kid`: it is forged, or signed since the keys were fetched."""


class VerifierNotReadyError(InvalidTokenError):
    """Keys or revocations were never loaded, or are too stale: answer 503, not 401."""


class CatchUpError(VerifierNotReadyError):
    """The revocations are older than `catch_up`: the issuer must be asked first."""
