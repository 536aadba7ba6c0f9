"""The service of claims.py, with AuthMiddleware in front of FastAPI in place of a dependency."""

import os

from fastapi import FastAPI, Request
from pydantic import BaseModel

from authapi.verifier import Verifier
from authapi.verifier.asgi import AuthMiddleware, claims_of

verifier = Verifier(issuer=os.environ["ISSUER"], audience="authapi")

app = FastAPI()
app.add_middleware(AuthMiddleware, verifier=verifier, protect={"/me": ""})


class Subject(BaseModel):
    sub: str
    scopes: list[str]
    expires_at: int


@app.get("/me")
async def me(request: Request) -> Subject:
    subject = claims_of(request)
    return Subject(sub=subject.sub, scopes=sorted(subject.scopes), expires_at=subject.expires_at)


@app.get("/up")
async def up() -> None:
    """For the harness: it answers when the server does."""
