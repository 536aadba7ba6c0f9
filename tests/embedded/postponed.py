"""Routes whose annotations are text until FastAPI reads them (PEP 563), as in many code bases."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI

from authapi.config import Settings
from authapi.embedded import Authapi, Claims

auth = Authapi(Settings(public_url="http://localhost:8000/auth"))
app = FastAPI()
auth.mount(app, "/auth")


@app.get("/subject")
async def subject_of(subject: auth.Subject) -> str:  # type: ignore[name-defined]
    return str(subject.sub)


@app.get("/user")
def user_of(user: auth.User) -> str:  # type: ignore[name-defined]
    return str(user.email)


@app.get("/writer")
async def writer(subject: Annotated[Claims, auth.require("reports:write", max_age=600)]) -> str:
    return subject.sub
