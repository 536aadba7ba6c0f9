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
from authapi.config.secret_file import load_or_create
from authapi.crypto.passwords import PasswordHasher
from authapi.db import migrations
from authapi.db.database import Database, open_database
from authapi.errors import SCOPE, CommandError, InvalidField, Refusal, Unavailable
from authapi.services.accounts import administration as user_administration
from authapi.services.accounts.registration import NewUser, add_user
from authapi.services.keys import rotation as key_rotation
from authapi.services.keys.ring import KEPT_FOR, retired_at, states
from authapi.services.operation.start import require_schema


def main() -> None:
    """Run what the arguments say. Every refusal is a sentence, never a traceback."""
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
    from authapi.cli.serve import serve_app  # and FastAPI: no other command needs it

    serve_app(load_or_create(load_settings()), host, port, workers)


@authapi.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    settings = _settings()
    logs.configure(settings.log_format)
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
    granted = _scopes(scopes)
    settings = _settings()
    wanted = NewUser(
        email=email,
        password=_password(from_stdin=password_stdin),
        username=username,
        scopes=granted,
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
            created = _date(user.created_at)
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


@users.command()
@click.argument("email")
@click.option("--scope", "scopes", multiple=True, help="May be given several times; none: none.")
def scopes(email: str, scopes: tuple[str, ...]) -> None:
    """Give the account these scopes and no others; its tokens from before are refused."""
    wanted = _scopes(scopes)
    with _database(_settings()) as db:
        reissued = user_administration.change_scopes(db, email, wanted)
    click.echo(f"{email} has the scopes: {wanted or '-'}; {reissued} session(s) must refresh.")


@authapi.group()
def keys() -> None:
    """The keys that sign access tokens."""


@keys.command(name="list")
def list_keys() -> None:
    """Show each key's name, algorithm, state and dates, the newest first."""
    with _database(_settings()) as db:
        found, now = key_rotation.list_keys(db)
    state = states(found, now)
    for key in found:
        retires = retired_at(key, found)
        fields = [key.kid, key.algorithm, state[key.kid], f"created {_date(key.created_at)}"]
        fields.append(f"signs from {_date(key.signs_from)}")
        if key.compromised_at:
            fields.append(f"compromised {_date(key.compromised_at)}")
        elif retires:
            fields.append(f"until {_date(retires)}, verifies until {_date(retires + KEPT_FOR)}")
        click.echo("\t".join(fields))


@keys.command()
@click.option("--now", "at_once", is_flag=True, help="Sign at once, without publishing it first.")
def rotate(*, at_once: bool) -> None:
    """Add a key; it signs once it has been published for AUTHAPI_KEY_PUBLISH_DELAY seconds."""
    settings = load_or_create(load_settings())
    with _database(settings) as db:
        key = key_rotation.rotate_key(db, settings, at_once=at_once)
    click.echo(f"The key {key.kid} ({key.algorithm}) signs from {_date(key.signs_from)}.")


@keys.command()
@click.argument("kid")
def compromised(kid: str) -> None:
    """Let a key verify nothing from now on, anywhere. Sessions go on by their refresh tokens."""
    settings = load_or_create(load_settings())
    with _database(settings) as db:
        replacement = key_rotation.mark_compromised(db, settings, kid)
    click.echo(f"The key {kid} verifies nothing any more.")
    if replacement:
        click.echo(f"The key {replacement.kid} signs from {_date(replacement.signs_from)}.")


@keys.command()
def reseal() -> None:
    """Seal the keys under the first secret of AUTHAPI_SECRET, so that older ones can go."""
    settings = load_or_create(load_settings())
    with _database(settings) as db:
        count = key_rotation.reseal_signing_keys(db, settings)
    click.echo(f"{count} key(s) sealed anew.")


def _date(moment: float) -> str:
    return as_datetime(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def _scopes(given: tuple[str, ...]) -> str:
    for scope in given:
        if not SCOPE.fullmatch(scope):
            raise click.BadParameter(f"{scope!r} is no scope (RFC 6749 section 3.3).")
    return " ".join(sorted(set(given)))


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    logs.configure(settings.log_format)
    db = open_database(settings.database_url, clock.now)
    try:
        require_schema(db, settings)
        yield db
    finally:
        db.close()
