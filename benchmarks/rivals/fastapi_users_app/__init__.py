"""fastapi-users: the full example of its documentation, on PostgreSQL through asyncpg."""
