"""fastapi-users: the full example of its documentation, on PostgreSQL through asyncpg.

STRATEGY is `jwt`, or `database`, where a token is a row.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

DATABASE_URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1)
SECRET = "0b5e2c8f7a914d36bd0f1c6ea3478529"  # noqa: S105 - of tokens that live for one run
LIFETIME = 3600


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    pass


# SQLAlchemy's five would be too few: under load each further one is opened and closed again.
engine = create_async_engine(DATABASE_URL, pool_size=20)
async_session_maker = async_sessionmaker(engine, expire_on_commit=False)


async def get_async_session() -> AsyncGenerator[AsyncSession, None]:
    async with async_session_maker() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_async_session)]
UserDatabase = SQLAlchemyUserDatabase[User, uuid.UUID]
TokenDatabase = SQLAlchemyAccessTokenDatabase[AccessToken]


async def get_user_db(session: Session) -> AsyncGenerator[UserDatabase, None]:
    yield SQLAlchemyUserDatabase(session, User)


async def get_access_token_db(session: Session) -> AsyncGenerator[TokenDatabase, None]:
    yield SQLAlchemyAccessTokenDatabase(session, AccessToken)


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_user_manager(
    user_db: Annotated[UserDatabase, Depends(get_user_db)],
) -> AsyncGenerator[UserManager, None]:
    yield UserManager(user_db)


class UserRead(schemas.BaseUser[uuid.UUID]):
    pass


class UserUpdate(schemas.BaseUserUpdate):
    pass


def get_jwt_strategy() -> JWTStrategy[User, uuid.UUID]:
    return JWTStrategy(secret=SECRET, lifetime_seconds=LIFETIME)


def get_database_strategy(
    access_token_db: Annotated[TokenDatabase, Depends(get_access_token_db)],
) -> DatabaseStrategy[User, uuid.UUID, AccessToken]:
    return DatabaseStrategy(access_token_db, lifetime_seconds=LIFETIME)


STRATEGY = os.environ["STRATEGY"]
auth_backend = AuthenticationBackend(
    name=STRATEGY,
    transport=BearerTransport(tokenUrl="auth/login"),
    get_strategy={"jwt": get_jwt_strategy, "database": get_database_strategy}[STRATEGY],
)
fastapi_users = FastAPIUsers[User, uuid.UUID](get_user_manager, [auth_backend])

app = FastAPI()
app.include_router(fastapi_users.get_auth_router(auth_backend), prefix="/auth")
app.include_router(fastapi_users.get_users_router(UserRead, UserUpdate), prefix="/users")


@app.get("/up")
async def up() -> None:
    """For the harness: it answers when the server does."""


async def _fill(count: int) -> list[str]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    # One hash for all: a thousand of them would take a minute.
    hashed = PasswordHelper().hash("correct horse battery staple")
    names = [f"user-{number}@example.com" for number in range(count)]
    users = [User(email=name, hashed_password=hashed) for name in names]
    async with async_session_maker() as session:
        session.add_all(users)
        await session.commit()
        tokens = TokenDatabase(session, AccessToken)
        strategy = get_jwt_strategy() if STRATEGY == "jwt" else get_database_strategy(tokens)
        return [await strategy.write_token(user) for user in users]


def fill(count: int) -> list[dict[str, str]]:
    """Make a token a user by the strategy's own write_token."""
    return [{"access_token": token} for token in asyncio.run(_fill(count))]
