"""fastapi-users with its database strategy: a token is a row."""

import uuid
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi_users import FastAPIUsers
from fastapi_users.authentication import AuthenticationBackend, BearerTransport
from fastapi_users.authentication.strategy.db import DatabaseStrategy

from benchmarks.rivals.fastapi_users_app.users import (
    LIFETIME,
    AccessToken,
    TokenDatabase,
    User,
    UserRead,
    UserUpdate,
    get_access_token_db,
    get_user_manager,
)

Strategy = DatabaseStrategy[User, uuid.UUID, AccessToken]


def get_database_strategy(
    access_token_db: Annotated[TokenDatabase, Depends(get_access_token_db)],
) -> Strategy:
    return DatabaseStrategy(access_token_db, lifetime_seconds=LIFETIME)


auth_backend = AuthenticationBackend(
    name="db",
    transport=BearerTransport(tokenUrl="auth/db/login"),
    get_strategy=get_database_strategy,
)
fastapi_users = FastAPIUsers[User, uuid.UUID](get_user_manager, [auth_backend])

app = FastAPI()
app.include_router(fastapi_users.get_auth_router(auth_backend), prefix="/auth/db")
app.include_router(fastapi_users.get_users_router(UserRead, UserUpdate), prefix="/users")


@app.get("/up")
async def up() -> None:
    """For the harness: it answers when the server does."""
