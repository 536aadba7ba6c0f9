"""Who acts on accounts: an administrator over HTTP, or the command line.

Every act of an administrator looks again, under the locks of both accounts: who was disabled, lost
the scope or was logged out a moment ago acts no more. Reading follows the access token, as all
reading does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authapi.db import sessions, users
from authapi.db.administrators import ADMIN
from authapi.db.database import Transaction
from authapi.db.models import RevokedReason
from authapi.db.users import Account
from authapi.errors import InsufficientScope, InvalidToken, NotFound
from authapi.services.accounts.administrators import (
    is_administrator,
    require_administrator,
    require_another,
)
from authapi.services.accounts.breached_passwords import BreachedPasswords
from authapi.services.accounts.devices import Device
from authapi.services.accounts.freshness import require_level
from authapi.services.accounts.names import canonical_email
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.mail.mails import Mails
from authapi.services.mail.messages import DEFAULT_LOCALE, Mail, MailKind
from authapi.verifier import Claims

ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Actor:
    """An administrator who sent a request, and the language that the request prefers."""

    subject: Claims
    device: Device
    locale: str


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts. Without an `actor` it is the command line, and without `mails` no user is told.

    `is_forced`: the last administrator may go, too. `needs_verified_email` is the setting
    LOGIN_NEEDS_VERIFIED_EMAIL.
    """

    mails: Mails | None = None
    breached: BreachedPasswords | None = None
    actor: Actor | None = None
    is_forced: bool = False
    needs_verified_email: bool = False

    def lock(self, tx: Transaction, user_id: str) -> Account:
        """Lock the account to act on, and return it.

        Raises NotFound; InsufficientScope; InvalidToken for an actor whose session has ended;
        InsufficientUserAuthentication for one whose second factor was not proven.

        Nothing was written yet: to raise inside the block undoes nothing.
        """
        require_id(user_id)
        locked = users.lock_all(tx, {user_id, *self._own_id()})
        self._require_in_force(tx, locked)
        if user_id not in locked:
            raise NotFound
        return locked[user_id]

    def require_in_force(self, tx: Transaction) -> None:
        """Raise what `lock` raises of an actor who may not act any more."""
        self._require_in_force(tx, users.lock_all(tx, self._own_id()))

    def require_one_left(self, tx: Transaction, account: Account) -> None:
        """Raise LastAdministrator if this account is the last one's. The caller has locked it."""
        if not self.is_forced:
            require_another(tx, account, needs_verified_email=self.needs_verified_email)

    def record(self, tx: Transaction, kind: EventType, user_id: str, **details: object) -> None:
        """Record what was done to the account, and who did it from where."""
        fields: dict[str, object] = {"user_id": user_id, **details}
        if self.actor:
            device = self.actor.device
            fields |= {"actor_id": self.actor.subject.sub, "ip": device.address}
            fields["user_agent"] = device.user_agent
        record(tx, Event(kind, fields))

    def tell(
        self, tx: Transaction, account: Account, kind: MailKind, details: Mapping[str, Any]
    ) -> None:
        """Post the user a notice to the address of before."""
        if self.mails:
            post_notice(tx, self.mails, account, Notice(kind, self.locale, details))

    def tell_signed_out(self, tx: Transaction, account: Account, reason: RevokedReason) -> None:
        """Post the notice that every session of the account has ended."""
        self.tell(tx, account, MailKind.SIGNED_OUT, {"reason": reason.value})

    def post_link(self, tx: Transaction, kind: MailKind, account: Account, locale: str) -> None:
        """Post the user a mail with a link."""
        if self.mails:
            name = canonical_email(account.email)
            link = Mail(kind, account.email, canonical=name, locale=locale, user_id=account.id)
            self.mails.post(tx, link)

    @property
    def locale(self) -> str:
        return self.actor.locale if self.actor else DEFAULT_LOCALE

    def _own_id(self) -> set[str]:
        return {self.actor.subject.sub} if self.actor else set()

    def _require_in_force(self, tx: Transaction, locked: Mapping[str, Account]) -> None:
        if self.actor:
            subject = self.actor.subject
            own = locked.get(subject.sub)
            if own is None or not is_administrator(own):
                raise InsufficientScope((ADMIN,))
            if not sessions.is_in_force(tx, own.id, subject.sid):
                raise InvalidToken
            require_level(subject, own)


def require_id(user_id: str) -> None:
    """Raise NotFound for what can be no id: PostgreSQL takes no NUL in a text."""
    if not ID.fullmatch(user_id):
        raise NotFound


def as_administrator(
    mails: Mails,
    breached: BreachedPasswords,
    actor: Actor,
    *,
    now: float,
    needs_verified_email: bool,
) -> Operator:
    """Return the operator of a request. Raises what `require_administrator` raises."""
    require_administrator(actor.subject, now=now)
    return Operator(mails, breached, actor, needs_verified_email=needs_verified_email)


COMMAND_LINE = Operator()
