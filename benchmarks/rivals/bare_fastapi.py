"""The 1.0 of every ratio: a FastAPI route that returns a model, without authentication."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Subject(BaseModel):
    sub: str
    scopes: list[str]
    expires_at: int


@app.get("/me")
async def me() -> Subject:
    return Subject(sub="Jx3dVbPq0sZk5TnW8yRcLg", scopes=["reports:read"], expires_at=1_893_456_000)


@app.get("/up")
async def up() -> None:
    """For the harness: it answers when the server does."""
