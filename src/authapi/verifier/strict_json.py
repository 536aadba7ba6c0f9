"""Read JSON strictly (I-JSON, RFC 7493), so that no two parsers read it differently.

read_json      a request's body: its schema checks the values
parse_object   a part of a token, or an issuer's answer: the values are bounded too
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from authapi.verifier.errors import InvalidTokenError

_LEVELS = 32  # objects and lists within one another; far below what exhausts any stack
_INTEGER_DIGITS = 20  # a signed 64-bit number; int() of thousands of digits is slow or raises


class RepeatedNameError(ValueError):
    """An object has a member twice. `name` is what somebody sent: it may be anything."""

    def __init__(self, name: str) -> None:
        super().__init__("An object has a member twice.")
        self.name = name


def read_json(raw: bytes) -> Any:  # noqa: ANN401
    """Return the value of a JSON text.

    Raises RepeatedNameError for a repeated name at any depth; ValueError for another encoding than
    UTF-8, a byte order mark, NaN and Infinity, and too many levels.
    """
    try:
        return _READER.decode(raw.decode("utf-8"))
    except RepeatedNameError:
        raise
    except (ValueError, RecursionError):
        # `from None`: the cause quotes the text, and causes are logged.
        raise ValueError("This is not strict JSON in UTF-8.") from None


def parse_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return one JSON object; `what` names it in the reason.

    Raises InvalidTokenError for what `read_json` refuses, and for huge numbers, lone surrogates and
    more than 32 levels (RFC 7515 section 4, RFC 7519 sections 4 and 7.2, RFC 8725 section 3.7).
    """
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if text.count("{") + text.count("[") > _LEVELS:
            _refuse_depth(value, _LEVELS)
        if "\\u" in text:
            # A lone surrogate raises UnicodeEncodeError, a ValueError.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        # `from None`: the cause quotes the token, and causes are logged.
        raise InvalidTokenError(f"{what} is not strict JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise InvalidTokenError(f"{what} is not a JSON object")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen = Counter(name for name, _ in pairs)
        raise RepeatedNameError(seen.most_common(1)[0][0])
    return members


def _integer(digits: str) -> int:
    if len(digits) > _INTEGER_DIGITS:
        raise ValueError
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):  # 1e400
        raise ValueError
    return number


def _refuse_constant(_name: str) -> None:
    raise ValueError  # NaN, Infinity, -Infinity: Python's own extension


def _refuse_depth(value: object, levels: int) -> None:
    children = value.values() if isinstance(value, dict) else value
    if isinstance(children, str) or not isinstance(children, Iterable):
        return
    if levels == 0:
        raise ValueError
    for child in children:
        _refuse_depth(child, levels - 1)


_READER = json.JSONDecoder(object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_repeats,
    parse_int=_integer,
    parse_float=_finite,
    parse_constant=_refuse_constant,
)
