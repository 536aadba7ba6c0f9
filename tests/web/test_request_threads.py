"""How many requests do I/O at one moment, where authapi is served on its own."""

from collections.abc import Callable

import anyio
import pytest
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from sqlalchemy import QueuePool


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_has_a_connection_that_is_kept(make_app: Callable[..., FastAPI]) -> None:
    async def threads_while_served(app: FastAPI) -> float:
        async with app.router.lifespan_context(app):
            return current_default_thread_limiter().total_tokens

    app = make_app()
    pool = app.state.runtime.db.engine.pool
    assert isinstance(pool, QueuePool)
    assert anyio.run(threads_while_served, app) == pool.size()
