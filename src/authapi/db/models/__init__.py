"""Every table. Times are Unix seconds; ids are 22 characters of base64url.

users            one row per account
sessions         one row per log-in, however often it is refreshed; a deleted user's rows stay
stops            one row per account whose sessions were all ended lately
pending_registrations  one row per address whose registration waits for its proof
released_names   one row per username that was given up, for as long as it rests
known_addresses  one row per account and network, or kind of agent, that it logged in from of late
signing_keys     one row per key that signs access tokens; the private part is sealed
links            one row per mail with a link and a code, until some time after it ran out
outbox           one row per mail: what it says is sealed while it waits, and then removed
events           one row per thing that a person or an administrator did; only a purge removes it
factors          one row per factor of an account: TOTP, passkey, recovery codes, identity
totp_secrets     passkeys  recovery_codes  identities: what belongs to a factor of that kind
auth_sessions    one row per log-in that waits for a second factor, for some minutes
spent_challenges one row per passkey challenge that was answered, for some minutes
processes        one row per process that serves, for `authapi doctor`
"""

from authapi.db.models.accounts import KnownAddress, PendingRegistration, ReleasedName, User
from authapi.db.models.events import Event
from authapi.db.models.factors import (
    AuthSession,
    Factor,
    Identity,
    Passkey,
    RecoveryCode,
    SpentChallenge,
    TotpSecret,
)
from authapi.db.models.mails import Link, OutboxMail
from authapi.db.models.model import Model
from authapi.db.models.operation import Process
from authapi.db.models.sessions import Carrier, RevokedReason, Session, Stop, Transport
from authapi.db.models.signing_keys import SigningKey

__all__ = [
    "AuthSession",
    "Carrier",
    "Event",
    "Factor",
    "Identity",
    "KnownAddress",
    "Link",
    "Model",
    "OutboxMail",
    "Passkey",
    "PendingRegistration",
    "Process",
    "RecoveryCode",
    "ReleasedName",
    "RevokedReason",
    "Session",
    "SigningKey",
    "SpentChallenge",
    "Stop",
    "TotpSecret",
    "Transport",
    "User",
]
