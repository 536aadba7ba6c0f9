"""Make good and bad access tokens, for the tests of a service that takes them.

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
from authapi.verifier.lifetimes import MAX_ACCESS_TOKEN_SECONDS as HOUR_SECONDS
from authapi.verifier.revocations import RevocationSet
from authapi.verifier.verifier import Verifier

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

MAKE_KEY: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: generate_ec(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
    "RS256": lambda: generate_rsa(public_exponent=65537, key_size=2048),
}


class TokenFactory:
    """An issuer of its own. Give it and the service the same `clock`, of Unix seconds."""

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
        """Return the public JWK Set of the key that signs valid tokens."""
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
        """Return a valid token. More `claims` are added, or replace its own.

        Raises ValueError for one that lives so long that every verifier refuses it.
        """
        if expires_in > HOUR_SECONDS:
            raise ValueError(f"An access token lives {HOUR_SECONDS} s at most.")
        own = self._claims() | {"sub": sub, "exp": int(self._clock() + expires_in)}
        optional = {"sid": sid, "scope": as_text(scopes)}
        return self._sign(own | {name: it for name, it in optional.items() if it} | claims)

    def bearer(self, sub: str = "a-user", *, scopes: Iterable[str] = ()) -> dict[str, str]:
        """Return the header of a request with a valid token."""
        return {"Authorization": f"Bearer {self.token(sub, scopes=scopes)}"}

    def claims(self, sub: str = "a-user", *, scopes: Iterable[str] = ()) -> Claims:
        """Return the claims of a valid token: for FastAPI's `dependency_overrides`."""
        return self.verifier.verify(self.token(sub, scopes=scopes))

    def revoke(self, sid: str) -> None:
        """Revoke a session as a log-out does: `verifier` refuses all its tokens."""
        self._revoked.learn({sid: self._clock() + HOUR_SECONDS})

    def bad_tokens(self) -> dict[str, str]:
        """Return one of each kind that must be refused, by name: for a test's parameters."""
        now, foreign_key = int(self._clock()), MAKE_KEY[self.algorithm]()
        self.revoke(revoked_sid := secrets.token_urlsafe(16))
        header, _, signature = self.token().split(".")
        return {
            "revoked": self.token(sid=revoked_sid),
            "expired": self.token(iat=now - HOUR_SECONDS, exp=now - 1),
            "not_yet_valid": self.token(nbf=now + HOUR_SECONDS),
            "living_too_long": self.token(exp=now + HOUR_SECONDS + 1),
            "of_another_issuer": self.token(iss=f"{self.issuer}.evil.example"),
            "for_another_audience": self.token(aud=f"not-{self.audience}"),
            "forged": self._sign(self._claims(), key=foreign_key),
            "of_unknown_key": self._sign(self._claims(), key=foreign_key, kid="unknown"),
            "of_another_type": self._sign(self._claims(), typ="rt+jwt"),
            "unsigned": self._sign(self._claims(), key="", algorithm="none"),
            "altered": ".".join([header, self.token("another-user").split(".")[1], signature]),
            "not_a_token": "not a token",
        }

    def unready_verifier(self) -> Verifier:
        """Return a verifier that never reached its issuer: the service must answer 503."""
        return Verifier(
            issuer=self.issuer, audience=self.audience, jwks=self.jwks, revocations=_Unready()
        )

    def _claims(self) -> dict[str, Any]:
        now = int(self._clock())
        return {
            "iss": self.issuer,
            "sub": "a-user",
            "aud": self.audience,
            "exp": now + 900,
            "iat": now,
            "jti": secrets.token_urlsafe(16),
            "client_id": "authapi",
            "sid": secrets.token_urlsafe(16),
            "auth_time": now,
            "acr": "aal1",
            "amr": ["pwd"],
        }

    def _sign(
        self,
        claims: dict[str, Any],
        *,
        key: PrivateKey | str | None = None,
        algorithm: str | None = None,
        **header: str,
    ) -> str:
        key = self._key if key is None else key
        header = {"typ": "at+jwt", "kid": self._kid} | header
        return jwt.encode(claims, key, algorithm=algorithm or self.algorithm, headers=header)


def as_text(scopes: Iterable[str]) -> str:
    """Return the scopes as a token has them. Text is taken for what it says, not for letters."""
    return scopes if isinstance(scopes, str) else " ".join(scopes)


class _Unready:
    def refuses(self, _claims: Claims) -> bool:
        raise VerifierNotReadyError("the revocations were never loaded")
