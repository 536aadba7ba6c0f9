"""A client of authapi for Python: see `authapi.client.auth`. Needs httpx and anyio alone."""

from authapi.client.answers import UnexpectedAnswerError
from authapi.client.auth import AuthapiAuth, LoginNeededError, StoredTokens

__all__ = ["AuthapiAuth", "LoginNeededError", "StoredTokens", "UnexpectedAnswerError"]
