"""Log-in by the ID token of another provider: Google's button, Apple's sheet, a native SDK.

A bad token, and a disabled account, get one refusal. A second factor is asked for by `open_session`
as after a password.
"""

from collections.abc import Collection
from dataclasses import dataclass

from authapi.db.models import Transport
from authapi.db.users import Account
from authapi.errors import InvalidCredentials
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.accounts.registration import Registrar
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import tell
from authapi.services.factors.id_tokens import IdToken
from authapi.services.factors.identities import find_or_register, prove_identity
from authapi.services.factors.providers import Providers
from authapi.services.factors.steps import Proof, Proven
from authapi.services.sessions.opening import Opening, open_session
from authapi.services.sessions.token_issue import SessionTicket, TokenIssuer, TokenPair

BY_ID_TOKEN = Proven.by(Proof.IDENTITY)


@dataclass(frozen=True, slots=True)
class IdTokenLogin:
    """A log-in that is wanted. `came_with`, `remember`, `notice`: see Opening."""

    sent: IdToken
    transport: Transport
    device: Device
    came_with: Collection[str] = ()
    remember: bool = True
    notice: NewDeviceNotice | None = None


def log_in_by_id_token(
    here: Registrar, providers: Providers, tokens: TokenIssuer, attempt: IdTokenLogin
) -> Hashing[TokenPair | SessionTicket]:
    """Open a session of the identity's account, perhaps a new one, and return its tokens.

    Raises what `prove_identity` and `find_or_register` raise, and InsufficientAuthorization.
    """
    address, account = attempt.device.address, None
    with here.passwords.attempt(address):
        try:
            person = yield from prove_identity(providers, attempt.sent, address)
            account, factor_id = find_or_register(here, person, attempt.device)
            here.passwords.limits.count_login_success(account.id, address)
            return _open(here, tokens, attempt, account, factor_id)
        except InvalidCredentials:
            fields = {"user_id": account.id if account else None, "ip": address}
            tell(Event(EventType.LOGIN_FAILED, fields))
            raise


def _open(
    here: Registrar, tokens: TokenIssuer, attempt: IdTokenLogin, account: Account, factor_id: str
) -> TokenPair | SessionTicket:
    wanted = Opening(
        account,
        attempt.transport,
        attempt.device,
        attempt.came_with,
        proven=BY_ID_TOKEN,
        used_factor=factor_id,
        notice=attempt.notice,
        remember=attempt.remember,
    )
    opened = open_session(here.db, tokens, wanted)
    if opened is None:
        raise InvalidCredentials
    return opened
