"""What a browser is asked for a passkey, and what of its answer is believed (WebAuthn level 3).

| looked at                     | a registration                 | a log-in, or a second factor   |
| ----------------------------- | ------------------------------ | ------------------------------ |
| type, origin, challenge       | as asked                       | as asked                       |
| a frame of another origin     | refused                        | refused                        |
| rpId                          | ours                           | ours                           |
| user present                  | needed                         | needed                         |
| user verified                 | not needed                     | for a log-in                   |
| backed up, not eligible       | refused                        | refused                        |
| backup eligibility            | kept                           | as it was                      |
| key, signature                | one of KEYS                    | the key's                      |
| user handle                   |                                | the owner's; needed at log-in  |
| signature counter             | kept                           | has grown: db/passkeys         |

The library parses, compares and verifies. No attestation is asked for, and none is looked at.
"""

import json
import struct
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authapi.config import Settings
from authapi.crypto.challenges import LIFETIME_SECONDS, Challenge, Challenges
from authapi.db.passkeys import StoredPasskey
from authapi.db.users import Account
from authapi.errors import InvalidCode

if TYPE_CHECKING:
    from fido2.cose import CoseKey
    from fido2.server import Fido2Server
    from fido2.webauthn import AuthenticatorData, CollectedClientData

KTY, ALG = 1, 3  # of a COSE key (RFC 9052 section 7.1)
# Each algorithm that is asked for, the best first: what its key must have, and members with the
# least and the greatest length.
KEYS: dict[int, tuple[dict[int, object], dict[int, tuple[int, int]]]] = {
    -8: ({KTY: 1, -1: 6}, {-2: (32, 32)}),  # EdDSA, Ed25519
    -7: ({KTY: 2, -1: 1}, {-2: (32, 32), -3: (32, 32)}),  # ES256, P-256
    -257: ({KTY: 3, -2: b"\x01\x00\x01"}, {-1: (256, 512)}),  # RS256: Windows Hello on old machines
}
PUBLIC_KEY = "public-key"
PREFERRED, REQUIRED = "preferred", "required"
# What the library raises for an answer that is not one: bad CBOR, JSON, keys, signatures.
MALFORMED = (
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError),
    *(RecursionError, OverflowError, struct.error),
)

Credential = Mapping[str, Any]  # RegistrationResponseJSON or AuthenticationResponseJSON


@dataclass(frozen=True, slots=True)
class Registered:
    """A credential that may be added. `public_key` is a COSE key without what it does not need."""

    credential_id: str
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    user_verified: bool


@dataclass(frozen=True, slots=True)
class Asserted:
    """What a good assertion says."""

    user_verified: bool
    sign_count: int
    backed_up: bool


class RelyingParty:
    """Who asks for passkeys: PASSKEY_RP_ID, for pages of PASSKEY_ORIGINS."""

    def __init__(self, settings: Settings) -> None:
        self.rp_id = settings.passkey_rp_id or urlsplit(settings.public_url).hostname or ""
        self.origins = frozenset(settings.passkey_origins or (settings.public_origin,))
        self.challenges = Challenges(settings.secrets)

    @cached_property
    def _server(self) -> "Fido2Server":
        # Imported here: a process that sees no passkey keeps 8 MB.
        from fido2.server import Fido2Server
        from fido2.webauthn import PublicKeyCredentialRpEntity

        rp = PublicKeyCredentialRpEntity(id=self.rp_id, name=self.rp_id)
        return Fido2Server(rp, verify_origin=self.origins.__contains__)

    def request_options(
        self, challenge: Challenge, allowed: Sequence[StoredPasskey], verification: str
    ) -> dict[str, Any]:
        """Return PublicKeyCredentialRequestOptionsJSON. None `allowed`: any discoverable one."""
        return {
            "challenge": _encoded(challenge.value),
            "timeout": LIFETIME_SECONDS * 1000,
            "rpId": self.rp_id,
            "allowCredentials": list(map(_descriptor, allowed)),
            "userVerification": verification,
        }

    def creation_options(
        self, challenge: Challenge, account: Account, there: Sequence[StoredPasskey]
    ) -> dict[str, Any]:
        """Return PublicKeyCredentialCreationOptionsJSON, which leaves out those already there."""
        name = account.username or account.email
        return {
            "rp": {"id": self.rp_id, "name": self.rp_id},
            # The id is 16 random bytes in base64url: the user handle.
            "user": {"id": account.id, "name": account.email, "displayName": name},
            "challenge": _encoded(challenge.value),
            "pubKeyCredParams": [{"type": PUBLIC_KEY, "alg": alg} for alg in KEYS],
            "timeout": LIFETIME_SECONDS * 1000,
            "excludeCredentials": list(map(_descriptor, there)),
            "authenticatorSelection": {
                "residentKey": PREFERRED,
                "requireResidentKey": False,
                "userVerification": PREFERRED,
            },
            "attestation": "none",
        }

    def read_registration(self, challenge: Challenge, credential: Credential) -> Registered:
        """Return the credential that an authenticator has made. Raises InvalidCode."""
        from fido2.webauthn import RegistrationResponse

        try:
            answer = RegistrationResponse.from_dict(credential)
            authenticator = self._server.register_complete(_state(challenge, PREFERRED), answer)
            _require_plain(answer.response.client_data, authenticator)
            return _registered(answer.raw_id, authenticator)
        except MALFORMED as error:
            raise InvalidCode from error

    def read_assertion(
        self, challenge: Challenge, credential: Credential, key: StoredPasskey, *, is_log_in: bool
    ) -> Asserted:
        """Return what an authenticator has signed with this key. Raises InvalidCode."""
        from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

        try:
            answer = AuthenticationResponse.from_dict(credential)
            signer = AttestedCredentialData.create(bytes(16), answer.raw_id, _key(key.public_key))
            state = _state(challenge, REQUIRED if is_log_in else PREFERRED)
            self._server.authenticate_complete(state, [signer], answer)
            authenticator = answer.response.authenticator_data
            _require_plain(answer.response.client_data, authenticator)
            if authenticator.is_backup_eligible() != key.backup_eligible:
                raise ValueError("The backup eligibility has changed.")
            handle = answer.response.user_handle
            if (is_log_in or handle) and _encoded(handle or b"") != key.user_id:
                raise ValueError("The user handle is not the owner's.")
        except MALFORMED as error:
            raise InvalidCode from error
        return Asserted(
            authenticator.is_user_verified(), authenticator.counter, authenticator.is_backed_up()
        )


def _require_plain(client: "CollectedClientData", authenticator: "AuthenticatorData") -> None:
    """Raise ValueError for a frame within another site's page, and for flags that can't be."""
    if client.cross_origin is not False or "topOrigin" in json.loads(client):
        raise ValueError("A page of another origin frames ours.")
    if authenticator.is_backed_up() and not authenticator.is_backup_eligible():
        raise ValueError("It is backed up, and not eligible.")


def _registered(raw_id: bytes, authenticator: "AuthenticatorData") -> Registered:
    from fido2 import cbor

    made = authenticator.credential_data
    if made is None or made.credential_id != raw_id or not raw_id:
        raise ValueError("The credential has no name, or two.")
    return Registered(
        _encoded(made.credential_id),
        cbor.encode(_known_members(made.public_key)),
        authenticator.counter,
        authenticator.is_backup_eligible(),
        authenticator.is_backed_up(),
        user_verified=authenticator.is_user_verified(),
    )


def _known_members(key: Mapping[int, Any]) -> dict[int, Any]:
    """Return what a key of its algorithm has. Raises ValueError, LookupError for any other key."""
    fixed, lengths = KEYS[key[ALG]]
    for member, (least, most) in lengths.items():
        value = key[member]
        if not isinstance(value, bytes) or not least <= len(value) <= most:
            raise ValueError("A member of the key has another length.")
    if any(key[member] != value for member, value in fixed.items()):
        raise ValueError("The key is not one of its algorithm.")
    return {ALG: key[ALG], **fixed, **{member: key[member] for member in lengths}}


def _key(public_key: bytes) -> "CoseKey":
    from fido2 import cbor
    from fido2.cose import CoseKey

    members = cbor.decode(public_key)
    assert isinstance(members, dict)
    return CoseKey.parse(members)


def _descriptor(passkey: StoredPasskey) -> dict[str, Any]:
    named = {"type": PUBLIC_KEY, "id": passkey.credential_id}
    transports = passkey.transports.split()
    return {**named, "transports": transports} if transports else named


def _state(challenge: Challenge, verification: str) -> dict[str, str]:
    return {"challenge": _encoded(challenge.value), "user_verification": verification}


def _encoded(value: bytes) -> str:
    """Return base64url without padding, as WebAuthn's JSON has it."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()
