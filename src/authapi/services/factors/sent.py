"""A second factor as a request sends it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SentFactor:
    """A code. `method` is the member of the body that it came in.

    `bound_to` names the log-in, the session or the factor that it is for.
    """

    method: str
    code: str = field(default="", repr=False)
    bound_to: str = field(default="", repr=False)
