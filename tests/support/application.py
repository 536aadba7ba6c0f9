"""The application in the test's process. Every test that starts one starts it here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from authapi.app import create_app
from authapi.clock import Clock
from authapi.config import Settings
from tests.support.api import Api
from tests.support.app_transport import AppClient

MakeSettings = Callable[..., Settings]
MakeApp = Callable[..., FastAPI]
MakeApi = Callable[..., Api]


@contextmanager
def application(settings: Settings, clock: Clock) -> Iterator[FastAPI]:
    """Yield the application, then close its connections and threads."""
    app = create_app(settings, clock=clock)
    try:
        yield app
    finally:
        app.state.runtime.close()


@contextmanager
def api_of(app: FastAPI) -> Iterator[Api]:
    """Yield the application as a client sees it."""
    with AppClient(app) as client:
        yield Api(client)
