"""How many requests do I/O at one moment, where authapi is served on its own."""

from collections.abc import Callable

import anyio
import pytest
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from sqlalchemy import QueuePool
from starlette.types import Message


async def threads_while_served(app: FastAPI) -> float:
    """Start and stop the application as a server does."""
    messages: list[Message] = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    threads = 0.0

    async def receive() -> Message:
        return messages.pop()

    async def send(message: Message) -> None:
        nonlocal threads
        if message["type"] == "lifespan.startup.complete":
            threads = current_default_thread_limiter().total_tokens

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    return threads


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_has_a_connection_that_is_kept(make_app: Callable[..., FastAPI]) -> None:
    app = make_app()
    pool = app.state.runtime.db.engine.pool
    assert isinstance(pool, QueuePool)
    assert anyio.run(threads_while_served, app) == pool.size()
