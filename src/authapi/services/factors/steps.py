"""What was proven at a log-in, and whether it is enough for a session.

| the account has    | proven                                | then                             |
| ------------------ | ------------------------------------- | -------------------------------- |
| no second factor   | a password, or an ID token            | a session, `aal1`                |
| a second factor    | a password, or an ID token            | no session: a factor is asked    |
| a second factor    | the same, and a code or a passkey     | a session, `aal2`                |
| a second factor    | a passkey with user verification      | a session, `aal2`                |
| a second factor    | a code alone, by `POST /reauth`       | a session, `aal1`                |

`sessions/opening`, the one door, asks this for every path; the statement that adds a session looks
again. Words of `amr` are those of RFC 8176 and of the registry that it began.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

AAL1, AAL2 = "aal1", "aal2"
SEVERAL = "mfa"
HANDED_ON = "~"  # ends a stored word that the session before had proven


class Kind(StrEnum):
    """The kinds of factors. TOTP and passkeys are second factors."""

    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODES = "recovery_codes"
    IDENTITY = "identity"


SECOND_FACTORS = frozenset({Kind.TOTP, Kind.PASSKEY})
# How the answer names what may be sent to /login/continue, in its order.
METHODS = {
    Kind.TOTP: "totp",
    Kind.RECOVERY_CODES: "recovery_code",
    Kind.PASSKEY: "passkey",
}


class Proof(StrEnum):
    """One thing that was proven, as a word of `amr`."""

    PASSWORD = "pwd"  # noqa: S105
    IDENTITY = "fed"  # an ID token: the provider's word
    CODE = "otp"  # of an authenticator, or a recovery code
    PASSKEY = "pop"


FIRST = frozenset({Proof.PASSWORD, Proof.IDENTITY})
SECOND = frozenset({Proof.CODE, Proof.PASSKEY})


@dataclass(frozen=True, slots=True)
class Proven:
    """What was proven, as words of `amr`.

    `handed_on`: what the session before had proven. It is handed on once: else a stolen session
    could be kept fresh for ever by one of the two factors.
    """

    words: frozenset[str]
    handed_on: frozenset[str] = frozenset()

    @classmethod
    def by(cls, *proofs: Proof, user_verified: bool = False) -> Self:
        """Return what these prove. A passkey with user verification is two factors by itself."""
        return cls(frozenset(proofs) | ({SEVERAL} if user_verified else frozenset()))

    @classmethod
    def read(cls, amr: str) -> Self:
        """Return what a stored `amr` says."""
        words = frozenset(amr.split())
        handed_on = frozenset(word for word in words if word.endswith(HANDED_ON))
        return cls(words - handed_on, frozenset(word.rstrip(HANDED_ON) for word in handed_on))

    def __or__(self, other: "Proven") -> "Proven":
        return Proven(self.words | other.words, self.handed_on | other.handed_on)

    def after(self, before: "Proven") -> "Proven":
        """Return the same, with what the session before had proven itself."""
        return Proven(self.words, before.words)

    @property
    def has_second(self) -> bool:
        return not (self.words | self.handed_on).isdisjoint(SECOND)

    @property
    def amr(self) -> str:
        """Return its words as they are stored, with `mfa` where there is more than one factor."""
        own = _with_several(self.words)
        handed_on = _with_several(own | self.handed_on) - own
        return " ".join(sorted([*own, *(word + HANDED_ON for word in handed_on)]))


def _with_several(words: frozenset[str]) -> frozenset[str]:
    both = not (words.isdisjoint(FIRST) or words.isdisjoint(SECOND))
    return words | {SEVERAL} if both else words


BY_PASSWORD = Proven.by(Proof.PASSWORD)


def words_of(amr: str) -> list[str]:
    """Return the words of a stored `amr`, as a token has them."""
    return sorted(amr.replace(HANDED_ON, "").split())


def level_of(amr: str) -> str:
    """Return the `acr` of a session with this stored `amr`."""
    return AAL2 if SEVERAL in words_of(amr) else AAL1


def methods_of(kinds: Iterable[str]) -> list[str]:
    """Return what an account with these kinds of factors can send to /login/continue."""
    there = set(kinds)
    return [method for kind, method in METHODS.items() if kind in there]
