"""An operator makes an account, whatever AUTHAPI_REGISTRATION says.

| password | the account                                       | mail                            |
| -------- | ------------------------------------------------- | ------------------------------- |
| given    | logs in with it                                   | none: the user was told already |
| none     | has one that nobody knows, until its user chooses | a link and a code to choose it, |
|          | one by the mail, or by "forgot password"          | good for a day                  |
"""

from dataclasses import dataclass, replace
from secrets import token_urlsafe

from authapi.crypto.passwords import PasswordHasher
from authapi.db.database import Database, Transaction
from authapi.db.users import Account
from authapi.services.accounts.administration.operator import COMMAND_LINE, Operator
from authapi.services.accounts.administration.passwords import require_mail_within_limits
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.names import canonical_email, parse_email
from authapi.services.accounts.registration import Maker, NewUser, make_user
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import EventType
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.messages import MailKind


@dataclass(frozen=True, slots=True)
class Tools:
    """What the use case needs besides the database. With `inviting` limits, a mail is sent."""

    hasher: PasswordHasher
    usernames: Usernames
    inviting: RateLimits | None = None


def create_user(
    db: Database, tools: Tools, wanted: NewUser, operator: Operator = COMMAND_LINE
) -> Hashing[Account]:
    """Return the new account. Who is invited chooses the password: that of `wanted` is not used.

    Raises what `add_user` raises, InsufficientScope and RateLimited.
    """
    breached = operator.breached
    if tools.inviting:
        breached, wanted = None, replace(wanted, password=token_urlsafe(32))
        require_mail_within_limits(tools.inviting, canonical_email(parse_email(wanted.email)))

    def finish(tx: Transaction, account: Account) -> None:
        operator.require_in_force(tx)
        operator.record(tx, EventType.USER_CREATED, account.id, scopes=account.scopes)
        if tools.inviting:
            operator.post_link(tx, MailKind.ACCOUNT_CREATED, account, wanted.locale)

    maker = Maker(tools.hasher, tools.usernames, breached, finish)
    return (yield from make_user(db, maker, wanted))
