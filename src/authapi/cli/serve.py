"""`authapi serve`: uvicorn around the application, and the greeting."""

import gc
import signal
import socket
import sys
from contextlib import closing, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from authapi import clock, logs
from authapi.app import create_app
from authapi.cli import descriptors
from authapi.cli.bounds import Bounds
from authapi.cli.draining_server import DrainingServer
from authapi.cli.http_protocol import HttpProtocol
from authapi.cli.metrics_folder import metrics_folder
from authapi.cli.printing import say_on_stderr
from authapi.cli.supervisor import supervise
from authapi.config import Settings, load_settings
from authapi.config.secret_file import load_or_create, secret_path
from authapi.config.values import DEFAULT_PORTS
from authapi.db.database import open_database
from authapi.errors import CommandError, Unavailable
from authapi.logs import log
from authapi.services.keys.ring import KeyRing
from authapi.services.operation.connections import tell_connections
from authapi.services.operation.start import prepare
from authapi.verifier.loopback import is_loopback_host

GRACE_SECONDS = 10  # for the requests that are under way when SIGTERM comes
# A worker answers its parent only after its imports. On a busy machine they take longer than
# uvicorn's 5 s, and each worker would be killed before it has started, again and again.
WORKER_ANSWER_SECONDS = 60


def serve_app(settings: Settings, host: str, port: int, *, workers: int, bounds: Bounds) -> None:
    """Serve until a signal. `settings` have a secret. Raises OperatorError.

    A database out of reach stops nothing: requests are answered 503 until it is back.
    """
    logs.configure(settings.log_format)
    _require_free(host, port)
    _prepare_once(settings, workers)
    if sys.stderr and sys.stderr.isatty():
        _greet(settings, host, port)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "http": partial(HttpProtocol, bounds=bounds),
        "ws": "none",  # authapi has no WebSocket: a handshake is a request like others
        "timeout_keep_alive": bounds.keep_alive_seconds,
        **descriptors.shares(descriptors.raise_limit()),
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # uvicorn would trust 127.0.0.1; ours trusts TRUSTED_PROXIES
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "timeout_worker_healthcheck": WORKER_ANSWER_SECONDS,
    }
    # uvicorn finishes the requests under way, then raises the signal once more.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if workers == 1:
            _run_here(uvicorn.Config(_long_lived(create_app(settings)), **options))
        else:
            with metrics_folder():
                supervise(
                    uvicorn.Config(
                        f"{__name__}:worker_app", factory=True, workers=workers, **options
                    )
                )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise CommandError("authapi did not start; the log says why.") from stop


def _run_here(config: uvicorn.Config) -> None:
    server = DrainingServer(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def worker_app() -> FastAPI:
    """Return the application of one of several worker processes."""
    settings = load_or_create(load_settings())
    logs.configure(settings.log_format)
    return _long_lived(create_app(settings))


def _long_lived(app: FastAPI) -> FastAPI:
    """Let the garbage collector skip all objects so far: they live as long as the process."""
    gc.freeze()
    gc.enable()  # see authapi.__main__
    return app


def _require_free(host: str, port: int) -> None:
    """Refuse a port in use before anything is made; uvicorn would only log it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python repeats the address there
        raise CommandError(
            f"authapi can't listen on {_address(host, port)}: {reason}. "
            "Name another address with --host and --port."
        ) from error


def _prepare_once(settings: Settings, workers: int) -> None:
    """Migrate and make the first key before any worker starts. Raises OperatorError."""
    with closing(open_database(settings.database_url, clock.now)) as db:
        try:
            prepare(db, settings, KeyRing())
            tell_connections(db, workers)
        except Unavailable:
            log.warning("database_out_of_reach", database=settings.database_url_masked)


def _greet(settings: Settings, host: str, port: int) -> None:
    address = _address(host, port)
    # `settings` have one in any case; the variables and .env need not.
    secret = "AUTHAPI_SECRET" if load_settings().secret else secret_path(settings)
    public = urlsplit(settings.public_url)
    say_on_stderr(f"authapi listens on http://{address}")
    say_on_stderr(f"  public    {settings.public_url}")
    public_port = public.port or DEFAULT_PORTS[public.scheme]
    is_another = is_loopback_host(public.hostname or "") and public_port != port
    if is_another:
        say_on_stderr(
            f"            tokens name this URL, whose port is not {port}: without a proxy"
        )
        say_on_stderr(f"            set AUTHAPI_PUBLIC_URL=http://localhost:{port}")
    if settings.docs:
        say_on_stderr(
            f"  docs      {f'http://{address}' if is_another else settings.public_url}/docs"
        )
    say_on_stderr(f"  database  {settings.database_url_masked}")
    say_on_stderr(f"  secret    {secret}")
    say_on_stderr(f"  mails     {_mails(settings)}")
    say_on_stderr("  stop      Ctrl-C")


def _mails(settings: Settings) -> str:
    """Return where mails go. A user's name and password in the URL are not shown."""
    if settings.smtp_url:
        return f"by {urlsplit(settings.smtp_url).hostname}"
    return f"{settings.mail_dir}/" if settings.mail_dir else "are not sent: see docs/mails.md"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
