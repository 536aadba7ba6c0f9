"""How often something may be tried (docs/limits.md), with the `limits` library.

  limit               counts                       for each
  LIMIT_LOGIN_ADDRESS failed passwords             address
  LIMIT_LOGIN_PAIR    failed passwords             account and address
  LIMIT_LOGIN_ACCOUNT failed passwords             account, but for its known addresses
  100 in a row        failed passwords             the same, until one is right
  100 codes in a row  failed second factors        account, but for its known addresses
  LIMIT_LOGIN_SUCCESS right passwords              account and address
  LIMIT_REGISTER      registrations                address
  LIMIT_LINKS         mails asked for              address; e-mail address and purpose, no refusal
  1 in 15 minutes     mails past that              e-mail address and purpose
  LIMIT_REFRESH       refreshes                    session

A guess counts before it is hashed, for every limit: parallel guesses can't overrun one. The outcome
gives back what does not apply:

  outcome                                gives back       and
  right                                  the failures     ends their row
  wrong, or the request was cancelled    the success
  right, and a second factor must follow the failures     ends no row: no new guesses at its codes
  right, of an unverified address        the same         the same: each costs a hash
  any other                              both

The second step of a log-in counts as a failure only: the first one was its success.

A refused request does not count: to wait for `Retry-After` is
enough for the limit that refused it.
"""

import hmac
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from limits import RateLimitItem, parse_many

from authapi.clock import Clock
from authapi.config import Settings
from authapi.crypto.derived_keys import DIGEST_NAMES, derive
from authapi.errors import (
    EmailNotVerified,
    InsufficientAuthorization,
    InvalidCode,
    InvalidCredentials,
    InvalidLink,
    RateLimited,
    RegistrationWaits,
    WrongPassword,
)
from authapi.services.limits.storage import MemoryStorage, SharedStorage, kind_of
from authapi.tally import Tally

Counted = list[tuple[RateLimitItem, str]]  # each with the key of its counter
# Takes the user's id, None for an unknown user, and the canonical name.
CountFor = Callable[[str | None, str], None]
IsKnown = Callable[[str, str], bool]  # whether the account has logged in from the address

# NIST SP 800-63B-4 section 3.2.2 allows 100 failures in a row. A counter has to end some day, and
# then as late as a known address does.
ROW = "100/30 day"


# Made-up names have counters of their own kinds: else many of them would push an account's out.
UNKNOWN = "unknown-"


# GeneratorExit: the request was cancelled, and its hash may have been computed.
WRONG = (InvalidCode, InvalidCredentials, WrongPassword, RegistrationWaits, GeneratorExit)
# Neither ends a row: the first of two factors would buy new guesses at the codes, and a password
# alone does not prove an address.
RIGHT = (InsufficientAuthorization, EmailNotVerified)


def _nowhere(_account: str, _address: str) -> bool:
    return False


KINDS = (
    *("login-address", "login-pair", "login-account", "login-row", "login-codes"),
    "login-success",
    *("register", "refresh", "links", "mail-to"),
)


class RateLimits:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self.refused = Tally(*KINDS)
        url = settings.redis_url
        self._storage = SharedStorage(url, clock) if url else MemoryStorage(clock)
        self._login_address = _parse(settings.limit_login_address)
        self._login_pair = _parse(settings.limit_login_pair)
        self._login_account = _parse(settings.limit_login_account)
        # Who switches the limit per account off wants none.
        self._login_row = _parse(ROW if settings.limit_login_account else "")
        self._login_success = _parse(settings.limit_login_success)
        self._register = _parse(settings.limit_register)
        self._refresh = _parse(settings.limit_refresh)
        self._names_key = derive(settings.secrets[0], DIGEST_NAMES)
        self._links = _parse(settings.limit_links)

    @contextmanager
    def password_attempt(
        self, address: str, is_known: IsKnown = _nowhere, *, is_second_step: bool = False
    ) -> Iterator[CountFor]:
        """Count one guess from an address; then the block counts it for its account.

        The count for the address comes first: past that limit, nobody looks up an account, and a
        made-up name leaves no counter. The table above says what each outcome gives back. A limit
        per account asks `is_known`, and lets through if it is. Raises RateLimited.
        """
        place = bucket(address)
        failures = _counters(self._login_address, "login-address", place)
        successes, row = Counted(), Counted()
        success = [] if is_second_step else self._login_success

        def count_for(user_id: str | None, name: str) -> None:
            """Count for a user's id, or the canonical name of an unknown user. Once a block."""
            account = user_id or name
            who, of = self._digest(account), "" if user_id else UNKNOWN
            failed = _counters(self._login_pair, f"{of}login-pair", who, place)
            right = _counters(success, f"{of}login-success", who, place)
            self._count(failed + right)
            failures.extend(failed)
            successes.extend(right)
            row.extend(_counters(self._login_row, f"{of}login-row", who))
            anywhere = _counters(self._login_account, f"{of}login-account", who) + row
            failures.extend(self._count_unless(anywhere, lambda: is_known(account, address)))

        self._count(failures)
        try:
            yield count_for
        except WRONG:
            self._give_back(successes)
            raise
        except BaseException as error:
            is_right = isinstance(error, RIGHT)
            self._give_back(failures if is_right else failures + successes)
            raise
        self._give_back(failures)
        self._clear(row)

    @contextmanager
    def code_attempt(self, user_id: str, is_exempt: Callable[[], bool]) -> Iterator[None]:
        """Count one proof of a second factor, which the block is about. Raises RateLimited.

        The counts of passwords hold, too. A right one ends this row, and a reset by mail does not:
        a mailbox would buy new guesses at the codes.
        """
        row = _counters(self._login_row, "login-codes", self._digest(user_id))
        counted = self._count_unless(row, is_exempt)
        try:
            yield
        except InvalidCode:
            raise
        except BaseException:
            self._give_back(counted)
            raise
        self._clear(row)

    def count_login_success(self, user_id: str, address: str) -> None:
        """Count a log-in by what nobody can guess, with those by password. Raises RateLimited."""
        who = self._digest(user_id)
        self._count(_counters(self._login_success, "login-success", who, bucket(address)))

    def count_registration(self, address: str) -> None:
        self._count(_counters(self._register, "register", bucket(address)))

    @contextmanager
    def proof_attempt(self, address: str) -> Iterator[None]:
        """Count one try of a link or code, which the block is about, with the log-in failures.

        All but a wrong one gives the count back. Raises RateLimited.
        """
        counted = _counters(self._login_address, "login-address", bucket(address))
        self._count(counted)
        try:
            yield
        except InvalidLink:
            raise
        except BaseException:
            self._give_back(counted)
            raise
        self._give_back(counted)

    def count_mail_request(self, address: str) -> None:
        """Count a mail that a stranger asks for. Raises RateLimited."""
        self._count(_counters(self._links, "links", bucket(address)))

    def lift(self, account: str, address: str) -> None:
        """Forget the failed passwords of an account, and its limits with them.

        Its owner has proven to read its mailbox, and may log in from the address of that request.
        """
        who, place = self._digest(account), bucket(address)
        counted = _counters(self._login_account, "login-account", who)
        counted += _counters(self._login_row, "login-row", who)
        counted += _counters(self._login_pair, "login-pair", who, place)
        self._clear(counted)

    def may_mail(self, purpose: str, email_canonical: str) -> bool:
        """Count a mail for this purpose to this address, and return whether it may be sent.

        Each purpose has a count of its own: else strangers could use up a person's mails for a new
        password by asking for others, of which the person may not even get one.

        No refusal: strangers could use up the mails of a person who needs one, and learn of it.
        Past the limit one more may be sent each quarter of an hour, in which the link of a reset
        dies: the person has a link that works, or can ask for one.
        """
        who = (purpose, self._digest(email_canonical))
        is_within = self._try_to_count(_counters(self._links, "mail-to", *who)) is None
        is_first = self._try_to_count(_counters(LATE_MAILS, "mail-late", *who)) is None
        return is_within or is_first

    def count_refresh(self, sid: str) -> None:
        self._count(_counters(self._refresh, "refresh", sid))

    def _digest(self, account: str) -> str:
        # A stranger's name may be long. It may be an address, too, or a password in a wrong field.
        name = account.encode(errors="surrogatepass")
        return hmac.digest(self._names_key, name, "sha256").hex()[:32]

    def _count(self, counted: Counted) -> None:
        if reached := self._try_to_count(counted):
            self._refuse(reached, counted)

    def _count_unless(self, counted: Counted, is_exempt: Callable[[], bool]) -> Counted:
        """Return what was counted: nothing past a limit, if it is exempt. Raises RateLimited."""
        reached = self._try_to_count(counted)
        if reached and not is_exempt():
            self._refuse(reached, counted)
        return [] if reached else counted

    def _try_to_count(self, counted: Counted) -> str | None:
        """Count everything, or nothing: then return the kind of the limit that is reached."""
        for position, (item, key) in enumerate(counted):
            if self._storage.incr(key, item.get_expiry(), 1) > item.amount:
                self._give_back(counted[: position + 1])
                return kind_of(key)
        return None

    def _refuse(self, kind: str, counted: Counted) -> NoReturn:
        self.refused.add(kind.removeprefix(UNKNOWN))
        raise RateLimited(self._wait(counted))

    def _clear(self, counted: Counted) -> None:
        for _, key in counted:
            self._storage.clear(key)

    def _wait(self, counted: Counted) -> float:
        """Return the seconds until every limit allows another try."""
        used_up = [key for item, key in counted if self._storage.get(key) >= item.amount]
        return max(map(self._storage.get_expiry, used_up), default=0.0) - self._clock()

    def _give_back(self, counted: Counted) -> None:
        for item, key in counted:
            self._storage.incr(key, item.get_expiry(), -1)


def bucket(address: str) -> str:
    """Return the address, or the /64 of an IPv6 one: a host may choose from all of that.

    All that is no address (a Unix socket's peer) shares one bucket.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    ipv4 = parsed if parsed.version == 4 else parsed.ipv4_mapped
    return str(ipv4 or ipaddress.ip_network((parsed, 64), strict=False))


def _counters(limits: list[RateLimitItem], *who: str) -> Counted:
    return [(item, item.key_for(*who)) for item in limits]


def _parse(notation: str) -> list[RateLimitItem]:
    return list(parse_many(notation)) if notation else []


LATE_MAIL_SECONDS = 900
LATE_MAILS = _parse(f"1/{LATE_MAIL_SECONDS // 60} minute")
