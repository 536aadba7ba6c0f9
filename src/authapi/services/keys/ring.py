"""The signing keys as a process holds them, and what time makes of each.

  state         since                                       signs   verifies and is published
  next          its row was written                         no      yes
  active        its `signs_from`, until a later key's       yes     yes
  retired       the `signs_from` of a later key             no      yes
  gone          KEPT_SECONDS after that                         no      no
  compromised   an operator said so                         no      no

The dates are the database's and only time moves a key on, so every process agrees without talking.
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

# Until the last token that it signed has run out.
KEPT_SECONDS = WINDOW_SECONDS


class State(StrEnum):
    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"
    GONE = "gone"
    COMPROMISED = "compromised"


PUBLISHED = (State.NEXT, State.ACTIVE, State.RETIRED)


def states(keys: Sequence[StoredKey], now: float) -> dict[str, State]:
    """The state of each key at a moment. `keys` are all that there are."""
    begun = [key for key in keys if key.signs_from <= now and key.compromised_at is None]
    active = max(begun, key=_order, default=None)
    return {key.kid: _state(key, active, retired_at(key, keys), now) for key in keys}


def retired_at(key: StoredKey, keys: Sequence[StoredKey]) -> float | None:
    """When a later key takes over, or took over."""
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
    """Or did: one that was compromised before its time never took over."""
    return key.compromised_at is None or key.compromised_at >= key.signs_from


def newest(keys: Sequence[StoredKey]) -> StoredKey:
    """The last one to sign."""
    return max((key for key in keys if key.compromised_at is None), key=_order)


def _order(key: StoredKey) -> tuple[float, int]:
    return (key.signs_from, key.position)


@dataclass(frozen=True, slots=True)
class LoadedKey:
    stored: StoredKey
    signing: SigningKey
    verifying: VerifyingKey


class KeyRing:
    """The keys that verify. Each mapping is replaced whole, so that readers need no lock."""

    def __init__(self) -> None:
        self._loaded: Mapping[str, LoadedKey] = {}
        self._verifying: Mapping[str, VerifyingKey] = {}

    @property
    def is_loaded(self) -> bool:
        return bool(self._loaded)

    def loaded(self) -> Mapping[str, LoadedKey]:
        return self._loaded

    def replace(self, keys: Sequence[LoadedKey], now: float) -> None:
        """Hold these, but for what is gone by now (the database's time)."""
        state = states([key.stored for key in keys], now)
        loaded = {key.stored.kid: key for key in keys if state[key.stored.kid] in PUBLISHED}
        self._verifying = {kid: key.verifying for kid, key in loaded.items()}
        self._loaded = loaded

    def settle(self, now: float) -> None:
        """Stop verifying with what is gone by now."""
        self.replace(list(self._loaded.values()), now)

    def find(self, kid: str) -> VerifyingKey | None:
        return self._verifying.get(kid)

    def published(self) -> list[VerifyingKey]:
        """Every key that verifies, the newest first."""
        return list(self._verifying.values())

    def signing_key(self, now: float) -> SigningKey:
        """The key that signs at that moment. Raises Unavailable while none is loaded."""
        loaded = list(self._loaded.values())
        if not loaded:
            raise Unavailable
        begun = [key for key in loaded if key.stored.signs_from <= now]
        if begun:
            return max(begun, key=lambda key: _order(key.stored)).signing
        # This process has not heard yet that time was turned back, or a key brought forward.
        return min(loaded, key=lambda key: _order(key.stored)).signing


@dataclass(frozen=True, slots=True)
class Keys:
    """What a token pair is signed with."""

    ring: KeyRing
    refresh_tokens: RefreshTokens
