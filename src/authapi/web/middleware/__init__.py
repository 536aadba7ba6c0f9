"""Pure ASGI middleware, in front of FastAPI."""
