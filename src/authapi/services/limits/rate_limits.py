"""How often something may be tried (docs/limits.md), with the `limits` library.

  limit               counts                       for each
  LIMIT_LOGIN_PAIR    failed passwords             account and address
  LIMIT_LOGIN_ACCOUNT failed passwords             account
  LIMIT_REGISTER      registrations                address
  LIMIT_REFRESH       refreshes                    session

A password's attempt is counted before it is hashed, so that parallel guesses can't overrun the
limit, and given back when it was right. What is refused is not counted: waiting as long as
`Retry-After` says is enough.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from limits import RateLimitItem, parse_many
from limits.strategies import FixedWindowRateLimiter

from authapi.clock import Clock
from authapi.config import Settings
from authapi.errors import InvalidCredentials, RateLimited, WrongPassword
from authapi.services.limits.storage import MemoryStorage, SharedStorage


class RateLimits:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        url = settings.redis_url
        storage = SharedStorage(url, clock) if url else MemoryStorage(clock)
        self._limiter = FixedWindowRateLimiter(storage)
        self._login_pair = _parse(settings.limit_login_pair)
        self._login_account = _parse(settings.limit_login_account)
        self._register = _parse(settings.limit_register)
        self._refresh = _parse(settings.limit_refresh)

    @contextmanager
    def password_attempt(self, account: str, address: str) -> Iterator[None]:
        """Count one guess at an account's password; only a block that refuses it was one.

        `account` is the user's id, or the canonical name of an unknown one, so that no other
        spelling has a count of its own. Raises RateLimited.
        """
        who = sha256(account.encode()).hexdigest()[:32]  # a stranger's name may be long
        counted = [
            *((item, ("login", who, bucket(address))) for item in self._login_pair),
            *((item, ("login", who)) for item in self._login_account),
        ]
        self._count(counted)
        try:
            yield
        except (InvalidCredentials, WrongPassword):
            raise
        except BaseException:
            self._give_back(counted)
            raise
        self._give_back(counted)

    def count_registration(self, address: str) -> None:
        self._count([(item, ("register", bucket(address))) for item in self._register])

    def count_refresh(self, sid: str) -> None:
        self._count([(item, ("refresh", sid)) for item in self._refresh])

    def _count(self, counted: list[tuple[RateLimitItem, tuple[str, ...]]]) -> None:
        for position, (item, key) in enumerate(counted):
            if not self._limiter.hit(item, *key):
                self._give_back(counted[: position + 1])
                raise RateLimited(self._wait(counted))

    def _wait(self, counted: list[tuple[RateLimitItem, tuple[str, ...]]]) -> float:
        """Seconds until no limit is used up: the first that refused may not be the last."""
        windows = [self._limiter.get_window_stats(item, *key) for item, key in counted]
        used_up = [window.reset_time for window in windows if window.remaining <= 0]
        return max(used_up, default=0.0) - self._clock()

    def _give_back(self, counted: list[tuple[RateLimitItem, tuple[str, ...]]]) -> None:
        for item, key in counted:
            self._limiter.hit(item, *key, cost=-1)


def bucket(address: str) -> str:
    """An address as it is counted: an IPv6 host has a whole /64 to choose from.

    Anything that is no address (a Unix socket's peer) counts as one.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _parse(notation: str) -> list[RateLimitItem]:
    return list(parse_many(notation)) if notation else []
