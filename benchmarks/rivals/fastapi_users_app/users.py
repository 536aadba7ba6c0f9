"""What both strategies share: the tables, the user manager, the schemas."""

import os
import uuid
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends
from fastapi_users import BaseUserManager, UUIDIDMixin, schemas
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
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
