"""A server whose application mounts authapi: `alone`, or `with-lifespan`. Then a port."""

import sys

import uvicorn
from fastapi import FastAPI

from authapi import create_app
from authapi.embedded import Authapi


def main(how: str, port: str) -> None:
    host = FastAPI()
    if how == "alone":
        host.mount("/auth", create_app())
    else:
        Authapi().mount(host, "/auth")
    uvicorn.run(host, port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
