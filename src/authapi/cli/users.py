"""`authapi users`: accounts, from the operator's side."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from authapi.cli.connecting import (
    TAKES_AN_ID,
    as_text,
    connected,
    settings_in_force,
    settings_to_make_one,
    settings_with_secret,
)
from authapi.cli.printing import say, say_on_stderr, show
from authapi.cli.users_import import import_
from authapi.config import Settings
from authapi.crypto.name_digests import NameDigests
from authapi.crypto.passwords import PasswordHasher
from authapi.db.database import Database
from authapi.db.sessions import BATCH_ROWS
from authapi.db.users import Account
from authapi.errors import SCOPE, CommandError, NotFound
from authapi.services.accounts import administration
from authapi.services.accounts.administration import Operator
from authapi.services.accounts.administration.creation import Tools, create_user
from authapi.services.accounts.breached_passwords import BreachedPasswords
from authapi.services.accounts.hashing import hash_here
from authapi.services.accounts.names import trimmed
from authapi.services.accounts.registration import NewUser
from authapi.services.accounts.scopes import joined
from authapi.services.accounts.usernames import Usernames
from authapi.services.mail.mails import Mails


def _trimmed(_context: click.Context, _parameter: click.Parameter, typed: str | None) -> str | None:
    """Return an e-mail address or a username without what can't be seen around it."""
    return typed if typed is None else trimmed(typed)


FORCE = click.option("--force", is_flag=True, help="Even if it is the last administrator's.")


@click.group()
def users() -> None:
    """Accounts, from the operator's side."""


@users.command()
@click.argument("email", callback=_trimmed)
@click.option("--username", callback=_trimmed, help="A name to log in with; no @ in it.")
@click.option("--scope", "scopes", multiple=True, help="May be given several times.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(
    email: str, username: str | None, scopes: tuple[str, ...], *, password_stdin: bool
) -> None:
    """Make an account, whatever AUTHAPI_REGISTRATION says."""
    granted = _joined(scopes)
    settings = settings_to_make_one()  # often the first command of all
    password = _password(from_stdin=password_stdin)
    wanted = NewUser(email=email, password=password, username=username, scopes=granted)
    hasher = PasswordHasher(settings.hash_memory_kib, settings.hash_time_cost)
    # Without a username, a shell without AUTHAPI_SECRET will do.
    usernames = Usernames(NameDigests(settings.secrets if username else ()))
    with connected(settings) as db, closing(BreachedPasswords(settings)) as breached:
        making = create_user(db, Tools(hasher, usernames), wanted, Operator(breached=breached))
        account = hash_here(making)
    say(f"Created {account.email} with the id {account.id}.")


@users.command(name="list")
def list_() -> None:
    """List the accounts, the oldest first."""
    with connected(settings_in_force()) as db:
        for account in administration.list_users(db):
            state = "disabled" if account.disabled_at else "enabled"
            names = (account.email, account.username or "-", account.scopes or "-")
            show("\t".join((account.id, state, as_text(account.created_at), *names)))


@users.command(name="show", context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
def show_one(email: str) -> None:
    """Show one account, a line for each thing that is kept of it."""
    with _account(email) as (_, account):
        about = {
            "id": account.id,
            "state": "disabled" if account.disabled_at else "enabled",
            "email": account.email,
            "email_verified": "no" if account.email_verified_at is None else "yes",
            "username": account.username or "-",
            "scopes": account.scopes or "-",
            "created_at": as_text(account.created_at),
        }
    for name, value in about.items():
        show(f"{name}\t{value}")


@users.command(context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
@FORCE
def disable(email: str, *, force: bool) -> None:
    """Refuse log-ins from now on, and end every session."""
    settings = settings_in_force()
    with _account(email, settings) as (db, account):
        ended = administration.disable_user(db, account.id, _operator(settings, force=force))
    say(f"Disabled {email}; {_sessions(ended)} ended.")


@users.command(context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
def enable(email: str) -> None:
    """Let the account log in again."""
    settings = settings_in_force()
    with _account(email, settings) as (db, account):
        administration.enable_user(db, account.id, _operator(settings))
    say(f"Enabled {email}.")


@users.command(name="sign-out", context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
def sign_out(email: str) -> None:
    """End every session of the account."""
    settings = settings_in_force()
    with _account(email, settings) as (db, account):
        ended = administration.sign_out_user(db, account.id, _operator(settings))
    say(f"{_sessions(ended)} of {email} ended.")


@users.command(name="set-password", context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def set_password(email: str, *, password_stdin: bool) -> None:
    """Give the account another password, and end every session."""
    settings = settings_in_force()
    hasher = PasswordHasher(settings.hash_memory_kib, settings.hash_time_cost)
    with (
        _account(email, settings) as (db, account),
        closing(BreachedPasswords(settings)) as breached,
    ):
        password = _password(from_stdin=password_stdin)
        operator = Operator(_mails(settings), breached)
        ended = administration.set_password(db, hasher, account.id, password, operator)
    say(f"Changed the password of {email}; {_sessions(ended)} ended.")


@users.command(name="set-email", context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
@click.argument("new", callback=_trimmed, required=False)
@click.option("--verified", is_flag=True, help="The user reads the new mailbox: you know it.")
@FORCE
def set_email(email: str, new: str | None, *, verified: bool, force: bool) -> None:
    """Give the account another address, and end every session. Without NEW it is asked for."""
    settings = settings_in_force()
    with _account(email, settings) as (db, account):
        typed = new or (click.prompt("New e-mail address") if _is_terminal() else _line())
        wanted = trimmed(typed)
        operator = _operator(settings, force=force)
        ended = administration.set_email(
            db, account.id, wanted, is_verified=verified, operator=operator
        )
    say(f"Changed the address of {email} to {wanted}; {_sessions(ended)} ended.")


@users.command(context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
@click.argument("action", type=click.Choice(["list", "reset"]))
def factors(email: str, action: str) -> None:
    """List the account's factors; or remove them all, and end every session."""
    settings = settings_in_force()
    if action == "list":
        with _account(email, settings) as (db, account):
            for factor in administration.list_factors_of(db, account.id):
                used = as_text(factor.last_used_at) if factor.last_used_at else "-"
                fields = (factor.id, factor.kind, factor.name or "-", as_text(factor.created_at))
                show("\t".join((*fields, used)))
        return
    with _account(email, settings) as (db, account):
        ended = administration.reset_factors(db, account.id, _operator(settings))
    say(f"Removed the factors of {email}; {_sessions(ended)} ended.")


@users.command(context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
@FORCE
def delete(email: str, *, force: bool) -> None:
    """Delete the account and its personal data, and end every session. Its username rests."""
    settings = settings_with_secret()
    usernames = Usernames(NameDigests(settings.secrets))
    operator = _operator(settings, force=force)
    with _account(email) as (db, account):
        ended = administration.delete_user(db, usernames, account.id, operator)
    say(f"Deleted {email}; {_sessions(ended)} ended.")


@users.command(context_settings=TAKES_AN_ID)
@click.argument("email", callback=_trimmed)
@click.option("--scope", "scopes", multiple=True, help="May be given several times; none: none.")
@FORCE
def scopes(email: str, scopes: tuple[str, ...], *, force: bool) -> None:
    """Give the account these scopes and no others; its tokens from before are refused."""
    wanted = _joined(scopes)
    settings = settings_in_force()
    with _account(email, settings) as (db, account):
        operator = _operator(settings, force=force)
        reissued = administration.change_scopes(db, account.id, wanted, operator)
    say(f"{email} has the scopes: {wanted or '-'}; {reissued} session(s) must refresh.")


users.add_command(import_)


@contextmanager
def _account(email: str, settings: Settings | None = None) -> Iterator[tuple[Database, Account]]:
    with connected(settings or settings_in_force()) as db:
        try:
            account = administration.get_by_email(db, email)
        except NotFound as error:
            sentence = f"There is no user with the e-mail address {email!r}."
            raise CommandError(sentence) from error
        yield db, account


def _operator(settings: Settings, *, force: bool = False) -> Operator:
    return Operator(
        _mails(settings),
        is_forced=force,
        needs_verified_email=settings.login_needs_verified_email,
    )


def _mails(settings: Settings) -> Mails | None:
    """Return what posts mails. A shell without the secret can't, and does the rest all the same."""
    if settings.secret is None:
        say_on_stderr("No mail tells the user: AUTHAPI_SECRET is missing here.")
        return None
    return Mails.of(settings)


def _sessions(ended: int) -> str:
    return f"{ended} session(s)" if ended < BATCH_ROWS else f"{ended} sessions or more"


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return _line()
    if not _is_terminal():
        raise click.UsageError("There is no terminal to ask for a password: use --password-stdin.")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


def _joined(scopes: tuple[str, ...]) -> str:
    for scope in scopes:
        if not SCOPE.fullmatch(scope):
            raise click.BadParameter(f"{scope!r} is no scope (RFC 6749 section 3.3).")
    return joined(scopes)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _line() -> str:
    """Return the first line of standard input. Raises CommandError."""
    if sys.stdin is None:  # the process was started without it
        raise CommandError("There is no standard input.")
    try:
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):  # not chained: it may repeat a password
        raise CommandError("The standard input can't be read, or is no text.") from None
