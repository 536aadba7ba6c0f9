"""One row of the access token table a user, by the strategy's own write_token."""

import asyncio
from collections.abc import Iterator
from itertools import cycle, islice

from benchmarks.rivals.data.command import run
from benchmarks.rivals.data.fastapi_users import add_users, users
from benchmarks.rivals.fastapi_users_app.database_app import get_database_strategy
from benchmarks.rivals.fastapi_users_app.users import (
    AccessToken,
    TokenDatabase,
    async_session_maker,
)


def prepare(count: int) -> None:
    asyncio.run(add_users(count))


async def tokens(count: int) -> list[str]:
    async with async_session_maker() as session:
        strategy = get_database_strategy(TokenDatabase(session, AccessToken))
        return [await strategy.write_token(user) for user in islice(cycle(await users()), count)]


def credentials(count: int) -> Iterator[dict[str, str]]:
    return ({"access_token": token} for token in asyncio.run(tokens(count)))


if __name__ == "__main__":
    run(prepare, credentials)
