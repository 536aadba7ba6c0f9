"""How many refusals an address gets at once, and where the others wait (docs/limits.md).

A refused client that asks again at once can ask thousands of times a second, and each time costs
everybody else a part of the processor. If its answer waits, it asks twice a second on each
connection. `/verify` is left out: a proxy asks there for all its users, and a refusal costs us no
more than a good answer.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterable
from time import monotonic

from starlette.types import Message, Scope

from authapi.config.fields import Network
from authapi.logs import log
from authapi.services.limits.rate_limits import bucket
from authapi.services.revocation.waiting import WaitingPlaces
from authapi.web.middleware.verify import is_verify_request
from authapi.web.responses import ANSWERED_EARLY

WAIT_SECONDS = 0.5
AT_ONCE = 20  # refusals a second of an address: no person, and no small crowd, ever waits
PLACES, PLACES_OF_AN_ADDRESS = 256, 128


class RefusalPace:
    """Used on one event loop."""

    def __init__(self) -> None:
        self.places = WaitingPlaces(PLACES, PLACES_OF_AN_ADDRESS)
        self._refusals = Counter[str]()
        self._second = 0

    def is_exceeded(self, address: str, exempt: Iterable[Network]) -> bool:
        """Count a refusal; return whether there are many for the address in this second."""
        if (second := int(monotonic())) != self._second:
            self._refusals.clear()  # no address stays in memory
            self._second = second
        client = bucket(address)
        self._refusals[client] += 1
        if (count := self._refusals[client]) <= AT_ONCE or _is_among(address, exempt):
            return False
        if count == AT_ONCE + 1:
            log.info("refusals_slowed", ip=address)
        return True


def is_refusal(message: Message, scope: Scope) -> bool:
    """Return whether an answer begins that may wait: a refusal, or one that came too early."""
    if message["type"] != "http.response.start":
        return False
    is_refused = message["status"] >= 400 or scope["state"].get(ANSWERED_EARLY)
    return bool(is_refused) and not is_verify_request(scope)


def _is_among(address: str, networks: Iterable[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
