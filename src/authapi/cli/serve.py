"""`authapi serve`: uvicorn around the application, and what an operator sees of it."""

import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import structlog
import uvicorn
from fastapi import FastAPI

from authapi import clock, logs
from authapi.app import create_app
from authapi.config import Settings, load_settings
from authapi.config.secret_file import load_or_create, secret_path
from authapi.db.database import open_database
from authapi.errors import CommandError, Unavailable
from authapi.services.keys.ring import KeyRing
from authapi.services.operation.start import prepare

log = structlog.get_logger()

# What is under way when SIGTERM comes has this long, in seconds, to be finished.
GRACE = 10


def serve_app(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until a signal. `settings` have a secret. Raises CommandError where it can't.

    A database that is out of reach stops nothing: requests are answered 503 until it is there.
    """
    logs.configure(settings.log_format)
    _require_free(host, port)
    _prepare_once(settings)
    if sys.stderr.isatty():
        _greet(settings, host, port)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # uvicorn would trust 127.0.0.1; ours trusts TRUSTED_PROXIES
        "timeout_graceful_shutdown": GRACE,
    }
    # uvicorn finishes what is under way and then raises the signal once more: that is our end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _failure_in_a_sentence():
        if workers == 1:
            uvicorn.run(_long_lived(create_app(settings)), **options)
        else:
            uvicorn.run("authapi.cli.serve:worker_app", factory=True, workers=workers, **options)


def worker_app() -> FastAPI:
    """What each of several worker processes runs."""
    settings = load_or_create(load_settings())
    logs.configure(settings.log_format)
    return _long_lived(create_app(settings))


def _long_lived(app: FastAPI) -> FastAPI:
    """What was made up to now stays for good: the garbage collector need not look at it again."""
    gc.freeze()
    gc.enable()  # see authapi.__main__
    return app


def _require_free(host: str, port: int) -> None:
    """Before anything is made or migrated; uvicorn would say it in a log line alone."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python repeats the address there
        raise CommandError(
            f"authapi can't listen on {_address(host, port)}: {reason}. "
            "Name another address with --host and --port."
        ) from error


@contextmanager
def _failure_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except SystemExit as stop:
        if not stop.code:
            raise
        raise CommandError("authapi did not start; the log says why.") from stop


def _prepare_once(settings: Settings) -> None:
    """Before any worker: one migration, one first key, and one sentence if there is no way."""
    db = open_database(settings.database_url, clock.now)
    try:
        prepare(db, settings, KeyRing())
    except Unavailable:
        log.warning("database_out_of_reach", database=settings.database_url_masked)
    finally:
        db.close()


def _greet(settings: Settings, host: str, port: int) -> None:
    address = _address(host, port)
    key_file = "AUTHAPI_SECRET" if settings_name_a_secret() else str(secret_path(settings))
    click.echo(f"authapi listens on http://{address}", err=True)
    click.echo(f"  docs      http://{address}/docs", err=True)
    click.echo(f"  database  {settings.database_url_masked}", err=True)
    click.echo(f"  secret    {key_file}", err=True)
    click.echo("  stop      Ctrl-C", err=True)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def settings_name_a_secret() -> bool:
    """Whether the secret came from the environment or .env, and not from its file."""
    return load_settings().secret is not None
