"""An authenticator in software, with the page before it: it answers as a browser's JSON does.

Each answer takes `changes`, to lie: see Lies.
"""

import json
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
ORIGIN, RP_ID = "http://localhost:8000", "localhost"
Json = dict[str, Any]


@dataclass(frozen=True)
class Lies:
    """What an answer says instead of the truth. None is the truth."""

    type: str | None = None
    origin: str = ORIGIN
    rp_id: str = RP_ID
    flags: int | None = None
    challenge: str | None = None
    client: Mapping[str, Any] = field(default_factory=dict)  # more members
    key: Mapping[int, Any] | None = None
    user_handle: str | None = None
    signature: bytes | None = None
    counter: int | None = None


TRUTH = Lies()


class Authenticator:
    """One passkey. `flags` is what it says of its user and of backups."""

    def __init__(self, *, flags: int = UP | UV | BE | BS, counts: bool = True) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = token_bytes(32)
        self.flags = flags
        self.counts = counts
        self.counter = 0
        self.user_handle: str | None = None

    @property
    def cose_key(self) -> dict[int, Any]:
        numbers = self.private.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
        return {1: 2, 3: -7, -1: 1, -2: x, -3: y}

    def create(self, options: Json, lies: Lies = TRUTH) -> Json:
        """Return a RegistrationResponseJSON."""
        self.user_handle = options["user"]["id"]
        key = lies.key or self.cose_key
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor.encode(key)
        data = self._data(replace(lies, flags=(lies.flags or self.flags) | AT)) + attested
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options, lies)
        response = {"clientDataJSON": b64(client), "attestationObject": b64(made)}
        return self._credential({**response, "transports": ["internal", "hybrid"]})

    def get(self, options: Json, lies: Lies = TRUTH) -> Json:
        """Return an AuthenticationResponseJSON."""
        client, data = self._client("webauthn.get", options, lies), self._data(lies)
        signed = self.private.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": b64(client),
                "authenticatorData": b64(data),
                "signature": b64(lies.signature or signed),
                "userHandle": lies.user_handle or self.user_handle,
            }
        )

    def copy(self) -> "Authenticator":
        """Return a clone, as a thief has it."""
        other = Authenticator(flags=self.flags, counts=self.counts)
        vars(other).update(vars(self))
        return other

    def _client(self, kind: str, options: Json, lies: Lies) -> bytes:
        said = {"type": lies.type or kind, "challenge": lies.challenge or options["challenge"]}
        return json.dumps({**said, "origin": lies.origin, **lies.client}).encode()

    def _data(self, lies: Lies) -> bytes:
        self.counter += 1 if self.counts else 0
        count = self.counter if lies.counter is None else lies.counter
        flags = self.flags if lies.flags is None else lies.flags
        return sha256(lies.rp_id.encode()).digest() + struct.pack(">BI", flags, count)

    def _credential(self, response: Json) -> Json:
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }


def b64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")
