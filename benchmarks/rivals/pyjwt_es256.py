"""FastAPI with PyJWT's own decode in a dependency: what a user writes who has no library for it."""

import os
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

PUBLIC_KEY: Any = load_pem_public_key(os.environ["JWT_PUBLIC_KEY"].encode())
ISSUER = os.environ["JWT_ISSUER"]
AUDIENCE = os.environ["JWT_AUDIENCE"]
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti"]

app = FastAPI()
bearer = HTTPBearer()


class Subject(BaseModel):
    sub: str
    scopes: list[str]
    expires_at: int


async def subject(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> Subject:
    try:
        claims = jwt.decode(  # noqa: TID251 - what authapi.verifier is measured against
            credentials.credentials,
            PUBLIC_KEY,
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": REQUIRED},
        )
    except jwt.InvalidTokenError as error:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise HTTPException(401, "Invalid token", challenge) from error
    scopes = claims.get("scope", "").split()
    return Subject(sub=claims["sub"], scopes=scopes, expires_at=claims["exp"])


@app.get("/me")
async def me(current: Annotated[Subject, Depends(subject)]) -> Subject:
    return current


@app.get("/up")
async def up() -> None:
    """For the harness: it answers when the server does."""
