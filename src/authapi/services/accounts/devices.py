"""The device of a request, and what an account has logged in from within 30 days.

  a log-in is from a device                            it is
  whose network or whose kind of agent is not known    new: a mail tells the owner
  whose network and kind of agent are known            known

The network of the registration does not count as new. It passes no limit. The limits per account
let networks through that an account has logged in from. So a stranger who uses these limits up
locks only other strangers out, and not the owner (docs/limits.md). A new password, a disabled
account and an undone change of address make all others unknown: a digest holds the account's
version.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from authapi.crypto.derived_keys import DIGEST_ADDRESSES, DIGEST_AGENTS, DIGEST_ORIGINS, derive
from authapi.db import known_addresses, users
from authapi.db.database import Database, Transaction
from authapi.db.users import Account
from authapi.services.limits.rate_limits import bucket

DIGEST_CHARACTERS = 32
AGENT_CHARACTERS = 512  # are read
SHOWN_CHARACTERS = 120  # of an agent in a mail
BETWEEN_WORDS = str.maketrans(dict.fromkeys("();,/+:", " "))


@dataclass(frozen=True, slots=True)
class Device:
    """The origin of a request: its network address, and what its client calls itself."""

    address: str
    user_agent: str | None

    def for_mail(self) -> dict[str, str | None]:
        """Return it for a template. A stranger chose the agent: no mail program makes a link of it.

        Only its first characters are shown, and none that is not printable.
        """
        agent = "".join(filter(str.isprintable, (self.user_agent or "")[:SHOWN_CHARACTERS]))
        return {"ip": self.address, "user_agent": agent.replace("://", " ") or None}

    @property
    def agent_kind(self) -> str:
        """Return the agent's words without a digit: versions change, and a phone's model is one."""
        words = (self.user_agent or "")[:AGENT_CHARACTERS].translate(BETWEEN_WORDS).split()
        return " ".join(word for word in words if not any(map(str.isdigit, word)))


class KnownAddresses:
    """Networks and kinds of agents, by digests with every secret: the first one is stored."""

    def __init__(self, db: Database, secrets: Sequence[bytes]) -> None:
        self._db = db
        self._secrets = secrets

    def includes(self, account: str, address: str) -> bool:
        """Return whether this is one, for a user's id or an unknown name: both cost the same."""
        with self._db.connect() as connection:
            found = users.find(connection, account)
            networks = self._networks(_name(account, found.version if found else 0), address)
            return known_addresses.are_any_known(connection, networks)

    def note_log_in(self, tx: Transaction, account: Account, device: Device) -> bool:
        """Note a log-in, which has locked the account. Return whether its device is a new one."""
        who = _name(account.id, account.version)
        networks, agents = self._networks(who, device.address), self._agents(who, device)
        origins = self._networks(who, device.address, DIGEST_ORIGINS)
        known = set(known_addresses.touch(tx, networks + origins + agents))
        if missing := {networks[0], agents[0]} - known:
            known_addresses.add_again(tx, account.id, sorted(missing))
        return known.isdisjoint(networks + origins) or known.isdisjoint(agents)

    def remember_owner(self, tx: Transaction, account: Account, device: Device) -> None:
        """Know the device that chose the new password of the account, as after a log-in."""
        self._add(tx, account, device, DIGEST_ADDRESSES)

    def remember_registration(self, tx: Transaction, account: Account, device: Device) -> None:
        """Know the device of a registration. No limit lets it through: it may be a stranger's."""
        self._add(tx, account, device, DIGEST_ORIGINS)

    def of_registration(self, account_id: str, device: Device) -> tuple[str, str]:
        """Return the digests of the device, for an account that is not there yet."""
        return self._of(_name(account_id, 0), device, DIGEST_ORIGINS)

    def _add(self, tx: Transaction, account: Account, device: Device, purpose: str) -> None:
        digests = self._of(_name(account.id, account.version), device, purpose)
        known_addresses.add(tx, account.id, digests)

    def _of(self, who: str, device: Device, purpose: str) -> tuple[str, str]:
        return self._networks(who, device.address, purpose)[0], self._agents(who, device)[0]

    # Of both: two accounts that have logged in from one place have nothing in common.
    def _networks(self, who: str, address: str, purpose: str = DIGEST_ADDRESSES) -> list[str]:
        return self._digests(purpose, f"{who} {bucket(address)}")

    def _agents(self, who: str, device: Device) -> list[str]:
        return self._digests(DIGEST_AGENTS, f"{who} {device.agent_kind}")

    def _digests(self, purpose: str, what: str) -> list[str]:
        message = what.encode(errors="surrogatepass")
        macs = [hmac.digest(_key(secret, purpose), message, "sha256") for secret in self._secrets]
        return [mac.hex()[:DIGEST_CHARACTERS] for mac in macs]


def _name(account: str, version: int) -> str:
    return f"{account} {version}"


@cache
def _key(secret: bytes, purpose: str) -> bytes:
    return derive(secret, purpose)
