"""A page of the issuer's feed, read strictly: whatever stands in it ends in memory."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard, cast

from authapi.verifier.fetching import Fetched, FetchError

ID_LENGTH = 256  # characters; ours have 22
CURSOR_LENGTH = 1024
AHEAD = 3600.0  # seconds that the issuer's time may be ahead of ours before it is nonsense
KEPT = 86400.0  # seconds that an entry may ask to be kept


@dataclass(frozen=True, slots=True)
class RevocationPage:
    """Times are Unix seconds of the issuer's database."""

    as_of: float
    cursor: str
    sessions: Mapping[str, float]
    reissued: Mapping[str, float]
    keys: frozenset[str]


def read_page(fetched: Fetched, *, now: float) -> RevocationPage:
    """Raises FetchError for what is not a page of the feed. `now` is this machine's time."""
    document = fetched.document()
    as_of, cursor = document.get("as_of"), document.get("cursor")
    keys = document.get("keys", [])
    if not _is_time(as_of) or as_of > now + AHEAD:
        raise FetchError(f"{fetched.url}: as_of is no time of now.")
    if not isinstance(cursor, str) or len(cursor) > CURSOR_LENGTH:
        raise FetchError(f"{fetched.url}: the cursor is no text of ours.")
    if not isinstance(keys, list) or not all(_is_id(kid) for kid in keys):
        raise FetchError(f"{fetched.url}: keys is not a list of kids.")
    return RevocationPage(
        as_of=as_of,
        cursor=cursor,
        sessions=_times(fetched, document.get("sessions"), latest=as_of + KEPT),
        reissued=_times(fetched, document.get("reissued", {}), latest=as_of + KEPT),
        keys=frozenset(keys),
    )


def _times(fetched: Fetched, entries: object, *, latest: float) -> dict[str, float]:
    if not isinstance(entries, dict) or not all(
        _is_id(sid) and _is_time(moment) for sid, moment in entries.items()
    ):
        raise FetchError(f"{fetched.url}: sessions or reissued is not an object of times.")
    return {sid: min(moment, latest) for sid, moment in entries.items()}


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= ID_LENGTH


def _is_time(value: object) -> TypeGuard[float]:
    # Not a bool, which is an int for isinstance.
    return type(value) in (int, float) and 0 <= cast(float, value) < math.inf
