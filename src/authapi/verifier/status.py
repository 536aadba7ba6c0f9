"""What a verifier knows of its issuer, for a health check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VerifierStatus:
    """Whether keys and revocations were loaded, and how old the revocations are."""

    is_ready: bool
    is_stale: bool = False  # older than `max_staleness`
    staleness: float | None = None  # seconds; None if not followed or never loaded
    revoked_sessions: int = 0
    problem: str | None = None  # of the last attempt to learn, if it failed
