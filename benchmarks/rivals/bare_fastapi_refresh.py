"""The floor under authapi's /refresh: a FastAPI route, one Core statement, one signature.

It looks at nothing: a session id is all that is presented, and it stays valid.
"""

import os
import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import (
    Column,
    Double,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    update,
)

URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
# authapi's own pool settings: db/database.py.
engine = create_engine(
    URL, hide_parameters=True, pool_timeout=0.4, pool_size=10, max_overflow=10
).execution_options(isolation_level="AUTOCOMMIT")
private_key = ec.generate_private_key(ec.SECP256R1())

metadata = MetaData()
sessions = Table(
    "sessions",
    metadata,
    Column("sid", String(22), primary_key=True),
    Column("user_id", String(22), nullable=False),
    Column("last_exchanged", String(22), nullable=False),
    Column("expires_at", Double, nullable=False),
)
EXCHANGE = (
    update(sessions)
    .where(sessions.c.sid == bindparam("of_sid"))
    .values(last_exchanged=bindparam("jti"))
    .returning(sessions.c.user_id, sessions.c.expires_at)
)

app = FastAPI()


class RefreshRequest(BaseModel):
    refresh_token: str


class TokenPair(BaseModel):
    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


@app.post("/refresh")
def refresh(body: RefreshRequest) -> TokenPair:
    jti = secrets.token_urlsafe(16)
    with engine.connect() as connection:
        row = connection.execute(EXCHANGE, {"of_sid": body.refresh_token, "jti": jti}).one_or_none()
    if row is None:
        raise HTTPException(401)
    issued_at = int(time.time())  # noqa: TID251 - a rival has no authapi.clock
    claims = {"sub": row.user_id, "iat": issued_at, "exp": issued_at + 900, "jti": jti}
    token = jwt.encode(claims, private_key, algorithm="ES256")
    return TokenPair(
        access_token=token,
        token_type="Bearer",  # noqa: S106 - RFC 6750's word
        expires_in=900,
        refresh_token=body.refresh_token,
    )


@app.get("/up")
async def up() -> None:
    """For the harness: it answers when the server does."""


def fill(count: int) -> list[dict[str, str]]:
    """Make sessions; the id of each is its refresh token, for good."""
    metadata.create_all(engine)
    new = [
        {
            "sid": secrets.token_urlsafe(16),
            "user_id": secrets.token_urlsafe(16),
            "last_exchanged": secrets.token_urlsafe(16),
            "expires_at": 1_893_456_000.0,
        }
        for _ in range(count)
    ]
    with engine.connect() as connection:
        connection.execute(insert(sessions), new)
    return [{"refresh_token": str(session["sid"])} for session in new]
