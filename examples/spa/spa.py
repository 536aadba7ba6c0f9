"""A single-page app and authapi on one origin: the page at /, authapi below /auth.

Links of mails open the page too: at /verify and /reset, with ?token=.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from authapi import create_app
from authapi.config import Settings

PORT = int(os.environ.get("PORT", "8001"))
PAGE = f"http://localhost:{PORT}"

STATIC = Path(__file__).with_name("static")

auth = create_app(
    Settings(public_url=f"{PAGE}/auth", verify_url=f"{PAGE}/verify", reset_url=f"{PAGE}/reset")
)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with auth.router.lifespan_context(auth):  # a mounted application's is its host's to run
        yield


app = FastAPI(title="SPA", lifespan=lifespan, openapi_url=None)
app.mount("/auth", auth)


@app.get("/verify")
@app.get("/reset")
def page() -> FileResponse:
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-store"})


app.mount("/", StaticFiles(directory=STATIC, html=True))

if __name__ == "__main__":
    print(f"Open {PAGE} (not 127.0.0.1: authapi takes log-ins from its own origin only)")
    uvicorn.run(app, port=PORT, access_log=False, proxy_headers=False)
