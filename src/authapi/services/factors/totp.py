"""TOTP: codes of an authenticator app.

| a code                                              | proves                |
| --------------------------------------------------- | --------------------- |
| of now, or of one step before or after              | the factor, once      |
| of a step that was used, or of one before such a one | nothing               |
| that two apps of the account show, by chance        | one of them, once     |
| of a factor that is not confirmed                   | nothing               |

Which step was used last only grows, by one UPDATE. A secret is sealed in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from authapi.config import Settings
from authapi.crypto import totp as crypto
from authapi.crypto.derived_keys import SEAL_TOTP_SECRETS, Seal, WrongSecretError
from authapi.crypto.ids import new_id
from authapi.db import factors, totp_secrets
from authapi.db.clock import read_clock
from authapi.db.database import Database, Transaction
from authapi.db.factors import UNCONFIRMED_SECONDS, NewFactor, StoredFactor
from authapi.db.totp_secrets import StoredSecret
from authapi.db.users import Account
from authapi.errors import InvalidCode, InvalidField, NotFound
from authapi.logs import log
from authapi.services.accounts.freshness import lock_fresh
from authapi.services.accounts.passwords import Passwords
from authapi.services.events.catalogue import EventType
from authapi.services.factors.changes import Owner
from authapi.services.factors.recovery_codes import make_codes, of_kind
from authapi.services.factors.sent import SentFactor
from authapi.services.factors.steps import Kind, Proof, Proven

MOST_OF_AN_ACCOUNT = 10
RESEALED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class NewTotp:
    """What the authenticator app is given, once."""

    id: str
    secret: str = field(repr=False)
    otpauth_uri: str = field(repr=False)


def begin_totp(db: Database, settings: Settings, owner: Owner, name: str | None) -> NewTotp:
    """Return a secret that is in force once a code of it comes back, within a day.

    One that was begun before ends. Raises InvalidField, and what `lock_fresh` raises.
    """
    secret = crypto.new_secret()
    with db.begin() as tx:
        account = lock_fresh(tx, owner.subject)
        there = of_kind(factors.list_in_force(tx, account.id), Kind.TOTP)
        if len(there) >= MOST_OF_AN_ACCOUNT:
            message = f"The account has {MOST_OF_AN_ACCOUNT} authenticators already"
            raise InvalidField("name", message, "too_many")
        factors.remove_unconfirmed(tx, account.id)
        new = NewFactor(new_id(), account.id, Kind.TOTP, name, is_second=True, is_in_force=False)
        factors.add(tx, new)
        totp_secrets.add(tx, new.id, _seal(settings).seal(secret))
    issuer = urlsplit(settings.public_url).hostname or ""
    uri = crypto.otpauth_uri(secret, issuer, account.email)
    return NewTotp(new.id, crypto.as_text(secret), uri)


def confirm_totp(
    db: Database, settings: Settings, passwords: Passwords, owner: Owner, sent: SentFactor
) -> Sequence[str]:
    """Put the factor `sent.factor_id` in force by a code of it.

    Return ten recovery codes with the first second factor of the account, else none.

    Raises InvalidCode, which counts as a failed log-in, NotFound, and what `Owner.lock` raises.
    """
    codes: Sequence[str] = ()
    with db.begin() as tx:
        account = owner.lock(tx)
        factor, stored = _unconfirmed(tx, account, sent.factor_id)
        apps = [stored, *totp_secrets.list_in_force(tx, account.id)]
        shown = _find_steps(settings, apps, sent.code, read_clock(tx))
        is_good = factor.id in shown and _use_up(tx, shown)
        if is_good:
            confirmed = factors.confirm(tx, factor, is_second=True)
            owner.record(tx, EventType.FACTOR_ADDED, confirmed)
            owner.after_adding(tx, account, confirmed)
            if not account.second_factors:
                codes = make_codes(tx, account.id, owner)
    if not is_good:
        # Counted when it is wrong only. A right code proves nothing of the account: it must not end
        # the row of its failures.
        with passwords.attempt(owner.device.address) as count_for:
            count_for(account.id, account.email)
            raise InvalidCode
    return codes


def _unconfirmed(
    tx: Transaction, account: Account, factor_id: str
) -> tuple[StoredFactor, StoredSecret]:
    factor = factors.find(tx, account.id, factor_id)
    stored = totp_secrets.find(tx, factor_id)
    if factor is None or stored is None or factor.confirmed_at is not None:
        raise NotFound
    if factor.created_at + UNCONFIRMED_SECONDS <= read_clock(tx):
        raise NotFound
    return factor, stored


def prove(db: Database, settings: Settings, account: Account, sent: SentFactor) -> Proven:
    """Return what a code proves, and use it up. Raises InvalidCode."""
    with db.connect() as connection:
        stored = totp_secrets.list_in_force(connection, account.id)
        now = read_clock(connection)
    shown = _find_steps(settings, stored, sent.code, now)
    if not shown:
        raise InvalidCode
    with db.begin() as tx:
        is_good = _use_up(tx, shown)
        if is_good:
            factors.touch(tx, min(shown))
    if not is_good:
        raise InvalidCode
    return Proven.by(Proof.CODE)


def _find_steps(
    settings: Settings, apps: Sequence[StoredSecret], code: str, now: float
) -> dict[str, int]:
    """Return the step of each app that shows the code, by the app's factor."""
    steps = {app.factor_id: _find_step(settings, app, code, now) for app in apps}
    return {factor_id: step for factor_id, step in steps.items() if step is not None}


def _find_step(settings: Settings, stored: StoredSecret, code: str, now: float) -> int | None:
    try:
        secret = _seal(settings).open(stored.sealed)
    except WrongSecretError:
        # The others of the account still work. `authapi doctor` finds these.
        log.warning("totp_secret_not_opened", factor_id=stored.factor_id)
        return None
    return crypto.find_step(secret, code, now)


def _use_up(tx: Transaction, steps: dict[str, int]) -> bool:
    """Use a code up for every app that shows it. False if one of them can't use it any more."""
    used = [totp_secrets.use_step(tx, each, step) for each, step in sorted(steps.items())]
    return all(used)


def reseal_totp_secrets(db: Database, settings: Settings) -> int:
    """Seal the secrets of older keys under the first one. Return how many.

    One that no secret opens stays as it is.
    """
    seal, resealed, last = _seal(settings), 0, ""
    while True:
        with db.connect() as connection:
            batch = totp_secrets.list_after(connection, last, RESEALED_AT_ONCE)
        if not batch:
            return resealed
        last = batch[-1].factor_id
        old = [one for one in batch if not seal.is_current(one.sealed)]
        with db.begin() as tx:
            for one in old:
                resealed += _reseal(tx, seal, one)


def _reseal(tx: Transaction, seal: Seal, old: StoredSecret) -> bool:
    try:
        sealed = seal.seal(seal.open(old.sealed))
    except WrongSecretError:
        log.warning("totp_secret_not_opened", factor_id=old.factor_id)
        return False
    totp_secrets.reseal(tx, old.factor_id, sealed)
    return True


def _seal(settings: Settings) -> Seal:
    return Seal(settings.secrets, SEAL_TOTP_SECRETS)
