"""What a route requires of a log-in: how fresh it is, and how strong (RFC 9470)."""

from dataclasses import dataclass

from authapi.verifier.claims import Claims

PASSWORD_ALONE = "aal1"  # noqa: S105 - an `acr`: every log-in is this much
STRONGEST = "aal2"
ACRS = (PASSWORD_ALONE, STRONGEST)
INSUFFICIENT = "insufficient_user_authentication"
INSUFFICIENT_LOG_IN = "This needs a fresh log-in."


@dataclass(frozen=True, slots=True)
class RequiredLogIn:
    """At most `max_age` seconds ago, and of the level `acr` (`aal2`: with a second factor).

    Raises ValueError for what no log-in can be.
    """

    max_age: int | None = None
    acr: str | None = None

    def __post_init__(self) -> None:
        if (self.max_age or 0) < 0 or self.acr not in (None, *ACRS):
            raise ValueError("max_age is 0 or more, and acr is aal1 or aal2.")

    def __bool__(self) -> bool:
        """Return whether anything is required."""
        return self.max_age is not None or self.acr is not None

    def is_met(self, claims: Claims, *, now: float) -> bool:
        """Return whether the log-in is enough. One without `auth_time` is never fresh."""
        # Both in whole seconds, as the claim is.
        age = int(now) - (claims.auth_time or 0)
        is_fresh = self.max_age is None or age <= self.max_age
        return is_fresh and self.acr in (None, PASSWORD_ALONE, claims.acr)

    @property
    def challenge(self) -> str:
        """Return the WWW-Authenticate of the refusal (RFC 9470 section 3)."""
        wanted = {"max_age": self.max_age, "acr_values": self.acr}
        named = [f', {name}="{value}"' for name, value in wanted.items() if value is not None]
        return f'Bearer error="{INSUFFICIENT}"' + "".join(named)


ANY_LOG_IN = RequiredLogIn()
