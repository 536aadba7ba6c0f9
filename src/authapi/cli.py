"""The `authapi` command: reads arguments, calls a service, prints. Thin on purpose.

Exit status 0; 1 for a refusal, with one sentence on stderr; 2 for wrong usage.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from authapi import clock, logs
from authapi.clock import as_datetime
from authapi.config import Settings, load_settings
from authapi.crypto.passwords import PasswordHasher
from authapi.db import migrations
from authapi.db.engine import Database, open_database
from authapi.errors import SCOPE, CommandError, InvalidField, Refusal, Unavailable
from authapi.secret_file import load_or_create
from authapi.services import user_administration
from authapi.services.registration import NewUser, add_user
from authapi.services.start import require_schema
from authapi.serving import serve_app


def main() -> None:
    """The entry point. Every refusal is a sentence, never a traceback."""
    try:
        authapi.main(prog_name="authapi", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (CommandError, Refusal) as error:
        click.echo(_sentence(error), err=True)
        sys.exit(1)


def _sentence(error: CommandError | Refusal) -> str:
    if isinstance(error, InvalidField):
        return " ".join(f"{entry['loc'][-1]}: {entry['msg']}" for entry in error.errors)
    if isinstance(error, Unavailable):
        return "The database can't be reached, or is busy; see AUTHAPI_DATABASE_URL."
    return str(error)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="authapi", message="%(package)s %(version)s")
def authapi() -> None:
    """Log-in with access tokens that can be revoked. Settings come from AUTHAPI_* and .env."""


@authapi.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what is under way."""
    serve_app(load_or_create(load_settings()), host, port, workers)


@authapi.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    settings = _settings()
    migrations.upgrade(settings.database_url)
    click.echo("The database is at the newest migration.")


@authapi.command()
def config() -> None:
    """Show the settings in force, secrets masked."""
    for name, value in load_settings().masked().items():
        click.echo(f"{name}={value}")


@authapi.group()
def users() -> None:
    """Accounts, from the operator's side."""


@users.command()
@click.argument("email")
@click.option("--username", help="A name to log in with; no @ in it.")
@click.option("--scope", "scopes", multiple=True, help="May be given several times.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(
    email: str,
    username: str | None,
    scopes: tuple[str, ...],
    *,
    password_stdin: bool,
) -> None:
    """Make an account, whatever AUTHAPI_REGISTRATION says."""
    for scope in scopes:
        if not SCOPE.fullmatch(scope):
            raise click.BadParameter(f"{scope!r} is no scope (RFC 6749 section 3.3).")
    settings = _settings()
    wanted = NewUser(
        email=email,
        password=_password(from_stdin=password_stdin),
        username=username,
        scopes=" ".join(sorted(set(scopes))),
    )
    hasher = PasswordHasher(settings.hash_memory_kib, settings.hash_time_cost)
    with _database(settings) as db:
        user = add_user(db, hasher, wanted, now=clock.now())
    click.echo(f"Created {user.email} with the id {user.id}.")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for a password: use --password-stdin.")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


@users.command(name="list")
def list_() -> None:
    """List the accounts, the oldest first."""
    with _database(_settings()) as db:
        for user in user_administration.list_users(db):
            state = "disabled" if user.disabled_at else "enabled"
            created = as_datetime(user.created_at).strftime("%Y-%m-%dT%H:%M:%SZ")
            fields = (user.id, state, created, user.email, user.username or "-", user.scopes or "-")
            click.echo("\t".join(fields))


@users.command()
@click.argument("email")
def disable(email: str) -> None:
    """Refuse log-ins from now on, and end every session."""
    with _database(_settings()) as db:
        ended = user_administration.disable_user(db, email)
    click.echo(f"Disabled {email}; {ended} session(s) ended.")


@users.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let the account log in again."""
    with _database(_settings()) as db:
        user_administration.enable_user(db, email)
    click.echo(f"Enabled {email}.")


@users.command(name="sign-out")
@click.argument("email")
def sign_out(email: str) -> None:
    """End every session of the account."""
    with _database(_settings()) as db:
        ended = user_administration.sign_out_user(db, email)
    click.echo(f"{ended} session(s) of {email} ended.")


def _settings() -> Settings:
    """Those in force. Raises CommandError."""
    settings = load_settings()
    # A command may come before the first `serve`, which takes no SQLite file without its secret.
    return load_or_create(settings) if settings.database_file else settings


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    logs.configure(settings.log_format)
    require_schema(settings)
    db = open_database(settings.database_url, clock.now)
    try:
        yield db
    finally:
        db.close()
