"""For the tests of a service that takes authapi's access tokens: makes them, good and bad.

    tokens = TokenFactory(issuer="https://auth.example", audience="reports")
    app = make_app(tokens.verifier)
    client.get("/reports", headers=tokens.bearer(scopes=["reports:read"]))

No network, no issuer, and a key that nobody else has.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa

from authapi.verifier.claims import Claims
from authapi.verifier.errors import VerifierNotReadyError
from authapi.verifier.revocations import RevocationSet
from authapi.verifier.verifier import Verifier

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

MAKE_KEY: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: generate_ec(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
    "RS256": lambda: generate_rsa(public_exponent=65537, key_size=2048),
}
HOUR_SECONDS = 3600


class TokenFactory:
    """An issuer of its own. `clock` returns Unix seconds: give it and the service the same one."""

    def __init__(
        self,
        issuer: str = "https://auth.example",
        audience: str = "authapi",
        *,
        algorithm: str = "ES256",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self.audience, self.algorithm = issuer, audience, algorithm
        self._clock = clock
        self._kid = secrets.token_urlsafe(8)
        self._key = MAKE_KEY[algorithm]()
        self._revoked = RevocationSet()
        self.verifier = Verifier(
            issuer=issuer, audience=audience, jwks=self.jwks, revocations=self._revoked, clock=clock
        )

    @property
    def jwks(self) -> dict[str, Any]:
        """The JWK Set of the one key that signs valid tokens: public."""
        public = self._key.public_key()
        jwk = json.loads(jwt.get_algorithm_by_name(self.algorithm).to_jwk(public))
        return {"keys": [{**jwk, "kid": self._kid, "alg": self.algorithm, "use": "sig"}]}

    def token(
        self,
        sub: str = "a-user",
        *,
        scopes: Iterable[str] = (),
        sid: str | None = None,
        expires_in: float = 900,
        **claims: object,
    ) -> str:
        """A valid token; more `claims` are added, or replace its own."""
        return self._sign(self._claims(sub, scopes, sid, expires_in) | claims)

    def bearer(self, sub: str = "a-user", *, scopes: Iterable[str] = ()) -> dict[str, str]:
        """The header of a request with a valid token."""
        return {"Authorization": f"Bearer {self.token(sub, scopes=scopes)}"}

    def revoke(self, sid: str) -> None:
        """As a log-out does: the factory's `verifier` refuses every token of the session."""
        self._revoked.learn({sid: self._clock() + HOUR_SECONDS})

    def revoked(self) -> str:
        sid = secrets.token_urlsafe(16)
        self.revoke(sid)
        return self.token(sid=sid)

    def expired(self) -> str:
        return self.token(expires_in=-1, iat=int(self._clock()) - HOUR_SECONDS)

    def not_yet_valid(self) -> str:
        return self.token(nbf=int(self._clock()) + HOUR_SECONDS)

    def of_another_issuer(self) -> str:
        return self.token(iss=f"{self.issuer}.evil.example")

    def for_another_audience(self) -> str:
        return self.token(aud=f"not-{self.audience}")

    def forged(self) -> str:
        """It names our key, and another one has signed it."""
        return self._sign(self._claims(), key=MAKE_KEY[self.algorithm]())

    def of_unknown_key(self) -> str:
        return self._sign(self._claims(), key=MAKE_KEY[self.algorithm](), kid="unknown")

    def of_another_type(self) -> str:
        """A refresh token's type, say."""
        return self._sign(self._claims(), typ="rt+jwt")

    def unsigned(self) -> str:
        header = {"typ": "at+jwt", "kid": self._kid}
        return jwt.encode(self._claims(), "", algorithm="none", headers=header)

    def altered(self) -> str:
        """Another subject in a payload that was signed."""
        header, _, signature = self.token().split(".")
        return ".".join([header, self.token("another-user").split(".")[1], signature])

    def bad_tokens(self) -> dict[str, str]:
        """One of each kind that must be refused, by name: for a test's parameters."""
        makers = (
            *(self.revoked, self.expired, self.not_yet_valid, self.of_another_issuer),
            *(self.for_another_audience, self.forged, self.of_unknown_key, self.of_another_type),
            *(self.unsigned, self.altered),
        )
        return {make.__name__: make() for make in makers} | {"not_a_token": "not a token"}

    def unready_verifier(self) -> Verifier:
        """One that never reached its issuer: the service is to answer 503."""
        return Verifier(
            issuer=self.issuer, audience=self.audience, jwks=self.jwks, revocations=_Unready()
        )

    def _claims(
        self,
        sub: str = "a-user",
        scopes: Iterable[str] = (),
        sid: str | None = None,
        expires_in: float = 900,
    ) -> dict[str, Any]:
        now = int(self._clock())
        claims = {
            "iss": self.issuer,
            "sub": sub,
            "aud": self.audience,
            "exp": int(now + expires_in),
            "iat": now,
            "jti": secrets.token_urlsafe(16),
            "client_id": "authapi",
            "sid": sid or secrets.token_urlsafe(16),
            "auth_time": now,
        }
        scope = " ".join(scopes)
        return claims | ({"scope": scope} if scope else {})

    def _sign(
        self,
        claims: dict[str, Any],
        *,
        key: PrivateKey | None = None,
        kid: str | None = None,
        typ: str = "at+jwt",
    ) -> str:
        header = {"typ": typ, "kid": kid or self._kid}
        return jwt.encode(claims, key or self._key, algorithm=self.algorithm, headers=header)


class _Unready:
    def refuses(self, _claims: Claims) -> bool:
        raise VerifierNotReadyError("the revocations were never loaded")
