"""The `authapi` command: reads arguments, calls a service, prints. Thin on purpose.

Exit status 0; 1 for a refusal, with one sentence on stderr; 2 for wrong usage.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event

import click

from authapi import logs
from authapi.cli.bounds import Bounds
from authapi.cli.connecting import connected, settings_in_force, settings_to_make_one
from authapi.cli.doctor import doctor
from authapi.cli.keys import keys
from authapi.cli.mail import mail
from authapi.cli.printing import say, say_on_stderr, show
from authapi.cli.users import users
from authapi.config import load_settings
from authapi.config.secret_file import load_or_create
from authapi.db import migrations
from authapi.errors import InvalidField, LastAdministrator, OperatorError, Refusal, Unavailable
from authapi.services.keys.rotation import KeyIsWaitingError, NoSuchKeyError
from authapi.services.operation.purge import purge_all

# What to do about it, where the service that refuses can't know of a command line.
ADVICE: dict[type[Exception], str] = {
    KeyIsWaitingError: "--now lets it sign at once.",
    LastAdministrator: "--force does it all the same.",
    NoSuchKeyError: "`authapi keys list` shows them all.",
}


Command = Callable[..., None]


def main() -> None:
    """Run the command. Every refusal is a sentence, never a traceback."""
    try:
        # Of a click Exit, click returns the status.
        if status := authapi.main(prog_name="authapi", standalone_mode=False):
            sys.exit(status)
    except click.Abort:
        sys.exit(1)
    except click.ClickException as error:
        with suppress(OSError, ValueError):
            error.show()
        sys.exit(error.exit_code)
    except (OperatorError, Refusal) as error:
        say_on_stderr(_sentence(error))
        sys.exit(1)


def _sentence(error: OperatorError | Refusal) -> str:
    if isinstance(error, InvalidField):
        return " ".join(f"{entry['loc'][-1]}: {entry['msg']}" for entry in error.errors)
    if type(error) is Unavailable:
        reason = str(getattr(error.__cause__, "orig", None) or "it is busy").partition("\n")[0]
        return f"The database can't be reached, or is busy; see AUTHAPI_DATABASE_URL: {reason}."
    return f"{error} {ADVICE.get(type(error), '')}".strip()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="authapi", message="%(package)s %(version)s")
def authapi() -> None:
    """Log-in with access tokens that can be revoked. Settings come from AUTHAPI_* and .env."""


def _bound(option: str, field: str, allowed: range, about: str) -> Callable[[Command], Command]:
    """Return an option of `serve` for a field of Bounds."""
    values = click.IntRange(allowed[0], allowed[-1])
    default = getattr(Bounds, field)
    return click.option(option, field, default=default, show_default=True, type=values, help=about)


@authapi.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@_bound("--keep-alive", "keep_alive_seconds", range(3601), "Seconds an unused connection lives.")
@_bound("--head-kib", "head_kib", range(16, 1025), "KiB of the head of a request.")
@_bound("--head-fields", "head_fields", range(50, 2001), "Fields of the head of a request.")
@_bound("--head-seconds", "head_seconds", range(1, 601), "Seconds for the head of a request.")
@_bound("--body-seconds", "body_seconds", range(1, 601), "Seconds of silence within a body.")
def serve(host: str, port: int, workers: int, **bounds: int) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what is under way.

    The bounds are on what a client may send, and how long it may take. Allow what your proxy does.
    """
    from authapi.cli.serve import serve_app  # and FastAPI: no other command needs it

    settings = load_or_create(load_settings())
    serve_app(settings, host, port, workers=workers, bounds=Bounds(**bounds))


@authapi.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    settings = settings_to_make_one()
    logs.configure(settings.log_format)
    migrations.upgrade(settings.database_url)
    say("The database is at the newest migration.")


@authapi.command()
def purge() -> None:
    """Remove ended sessions, old links, mails and events now. The service does so every hour."""
    settings = settings_in_force()
    with connected(settings) as db:
        counts = purge_all(db, settings, Event())
    say(", ".join(f"{count} {table}" for table, count in counts.items()) + " removed.")


@authapi.command()
def config() -> None:
    """Show the settings in force, secrets masked."""
    for name, value in load_settings().masked().items():
        show(f"{name}={value}")


authapi.add_command(users)
authapi.add_command(keys)
authapi.add_command(mail)
authapi.add_command(doctor)
