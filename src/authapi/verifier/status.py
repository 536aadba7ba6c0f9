"""What a verifier knows of its issuer, for a service's health check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VerifierStatus:
    """`is_ready`: keys and revocations were loaded. `is_stale`: the revocations are older than
    `max_staleness`. `staleness` is in seconds, None where they are not followed or never loaded.
    `problem` is what the last try to learn failed at, None where it did not."""

    is_ready: bool
    is_stale: bool
    staleness: float | None
    revoked_sessions: int
    problem: str | None


READY = VerifierStatus(
    is_ready=True, is_stale=False, staleness=None, revoked_sessions=0, problem=None
)
