"""Sessions for the floor under /refresh; a session's id is its refresh token, for good."""

import secrets
from collections.abc import Iterator

from sqlalchemy import insert, select

from benchmarks.rivals.bare_fastapi_refresh import engine, metadata, sessions
from benchmarks.rivals.data.command import run


def prepare(count: int) -> None:
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


def credentials(count: int) -> Iterator[dict[str, str]]:
    with engine.connect() as connection:
        for sid in connection.scalars(select(sessions.c.sid).limit(count)):
            yield {"refresh_token": sid}


if __name__ == "__main__":
    run(prepare, credentials)
