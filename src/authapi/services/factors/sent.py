"""A second factor as a request sends it."""

from dataclasses import dataclass, field

from authapi.crypto.challenges import Binding
from authapi.services.factors.passkey_ceremonies import RelyingParty
from authapi.services.factors.passkeys import Answer


@dataclass(frozen=True, slots=True)
class SentFactor:
    """A code, or a passkey's answer. `method` is the member of the body that it came in.

    `factor_id` names the factor that a code confirms. A passkey's answer is for one log-in or
    session, `binding`, and `rp` has asked for it.
    """

    method: str
    code: str = field(default="", repr=False)
    factor_id: str = ""
    answer: Answer | None = field(default=None, repr=False)
    binding: Binding | None = field(default=None, repr=False)
    rp: RelyingParty | None = None

    @property
    def is_guessable(self) -> bool:
        """Return whether it is one of few: a code of an app is six digits."""
        return self.method == "totp_code"
