"""The signing keys in a process, and the state of each by time.

  state         since                                       signs   verifies and is published
  next          its row was written                         no      yes
  active        its `signs_from`, until a later key's       yes     yes
  retired       the `signs_from` of a later key             no      yes
  gone          KEPT_SECONDS after that                         no      no
  compromised   an operator said so                         no      no

The dates are the database's, and time alone moves a key on: all processes agree without messages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from authapi.crypto.refresh_tokens import RefreshTokens
from authapi.crypto.signing_keys import SigningKey
from authapi.db.signing_keys import StoredKey
from authapi.errors import Unavailable
from authapi.verifier import VerifyingKey
from authapi.verifier.lifetimes import WINDOW_SECONDS

KEPT_SECONDS = WINDOW_SECONDS  # until the last token of the key has run out


class State(StrEnum):
    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"
    GONE = "gone"
    COMPROMISED = "compromised"


PUBLISHED = (State.NEXT, State.ACTIVE, State.RETIRED)


def states(keys: Sequence[StoredKey], now: float) -> dict[str, State]:
    """Return the state of each key at a moment. `keys` are all that there are."""
    begun = [key for key in keys if key.signs_from <= now and key.compromised_at is None]
    active = max(begun, key=_order, default=None)
    return {key.kid: _state(key, active, retired_at(key, keys), now) for key in keys}


def retired_at(key: StoredKey, keys: Sequence[StoredKey]) -> float | None:
    """Return when a later key takes over, or took over."""
    later = (other for other in keys if _order(other) > _order(key) and _is_to_sign(other))
    return min((other.signs_from for other in later), default=None)


def _state(key: StoredKey, active: StoredKey | None, retires: float | None, now: float) -> State:
    if key.compromised_at is not None:
        return State.COMPROMISED
    if key is active:
        return State.ACTIVE
    if key.signs_from > now:
        return State.NEXT
    return State.GONE if retires is not None and retires + KEPT_SECONDS <= now else State.RETIRED


def _is_to_sign(key: StoredKey) -> bool:
    """Return whether it signs or signed: a key compromised before its time never does."""
    return key.compromised_at is None or key.compromised_at >= key.signs_from


def newest(keys: Sequence[StoredKey]) -> StoredKey:
    """Return the key that signs last."""
    return max((key for key in keys if key.compromised_at is None), key=_order)


def _order(key: StoredKey) -> tuple[float, int]:
    return (key.signs_from, key.position)


@dataclass(frozen=True, slots=True)
class LoadedKey:
    stored: StoredKey
    signing: SigningKey
    verifying: VerifyingKey


class KeyRing:
    """The keys that verify. The mapping is replaced whole: readers need no lock."""

    def __init__(self) -> None:
        self._loaded: Mapping[str, LoadedKey] = {}

    @property
    def is_loaded(self) -> bool:
        return bool(self._loaded)

    def loaded(self) -> Mapping[str, LoadedKey]:
        return self._loaded

    def replace(self, keys: Sequence[LoadedKey], now: float) -> None:
        """Hold the keys that verify at `now`, the database's time."""
        state = states([key.stored for key in keys], now)
        self._loaded = {key.stored.kid: key for key in keys if state[key.stored.kid] in PUBLISHED}

    def settle(self, now: float) -> None:
        """Drop the keys that are gone."""
        self.replace(list(self._loaded.values()), now)

    def find(self, kid: str) -> VerifyingKey | None:
        loaded = self._loaded.get(kid)
        return loaded.verifying if loaded else None

    def published(self) -> list[VerifyingKey]:
        """Return every key that verifies, the newest first."""
        return [key.verifying for key in self._loaded.values()]

    def signing_key(self, now: float) -> SigningKey:
        """Return the key that signs at that moment. Raises Unavailable while none is loaded."""
        loaded = sorted(self._loaded.values(), key=lambda key: _order(key.stored))
        if not loaded:
            raise Unavailable
        begun = [key for key in loaded if key.stored.signs_from <= now]
        # None: the clock was set back, or this process has not heard of a key brought forward.
        return (begun[-1] if begun else loaded[0]).signing


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that sign a token pair."""

    ring: KeyRing
    refresh_tokens: RefreshTokens
