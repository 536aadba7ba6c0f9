"""Users for both strategies of fastapi-users."""

from collections.abc import Sequence

from fastapi_users.password import PasswordHelper
from sqlalchemy import select

from benchmarks.rivals.data.command import PASSWORD
from benchmarks.rivals.fastapi_users_app.users import Base, User, async_session_maker, engine


async def add_users(count: int) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    # One hash for all: a thousand of them would take a minute.
    hashed = PasswordHelper().hash(PASSWORD)
    async with async_session_maker() as session:
        session.add_all(
            User(email=f"user-{number}@example.com", hashed_password=hashed)
            for number in range(count)
        )
        await session.commit()


async def users() -> Sequence[User]:
    async with async_session_maker() as session:
        return (await session.scalars(select(User))).unique().all()
