"""A service as one of its users would write it: a route that needs only the token's claims."""

import os
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from authapi.verifier import Claims, Verifier
from authapi.verifier.fastapi import REFUSALS, AccessToken, answer_refusals, following

verifier = Verifier(issuer=os.environ["ISSUER"], audience="authapi")
CurrentSubject = Annotated[Claims, Depends(AccessToken(verifier))]

app = FastAPI(lifespan=following(verifier), responses=REFUSALS)
answer_refusals(app)


class Subject(BaseModel):
    sub: str
    scopes: list[str]
    expires_at: int


@app.get("/me")
async def me(subject: CurrentSubject) -> Subject:
    return Subject(sub=subject.sub, scopes=sorted(subject.scopes), expires_at=subject.expires_at)


@app.get("/up")
async def up() -> None:
    """For the harness: it answers when the server does."""
