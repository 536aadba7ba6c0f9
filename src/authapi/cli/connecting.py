"""What several commands need: the settings, their database, and the text of a time."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from authapi import clock, logs
from authapi.cli.printing import say_on_stderr
from authapi.clock import as_datetime
from authapi.config import Settings, load_settings
from authapi.config.secret_file import load_or_create
from authapi.db.database import Database, open_database
from authapi.errors import CommandError
from authapi.services.operation.start import require_schema

# For a command that takes an id, which may begin with a hyphen: it is no option, with an h neither.
TAKES_AN_ID = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


def settings_to_make_one() -> Settings:
    """Return the settings for a command that may make the database. Raises CommandError."""
    settings = load_settings()
    # A command may come before the first `serve`, which takes no SQLite file without its secret.
    return load_or_create(settings) if settings.database_file else settings


def settings_in_force() -> Settings:
    """Return the settings for a command on a database that is there. Raises CommandError."""
    settings = load_settings()
    _require_database(settings)
    return load_or_create(settings) if settings.database_file else settings


def settings_with_secret() -> Settings:
    """Return the same for a command that opens what is sealed. Raises CommandError."""
    settings = load_settings()
    _require_database(settings)
    return load_or_create(settings)


def _require_database(settings: Settings) -> None:
    """Refuse to make a database in whatever folder the command was called in."""
    file = settings.database_file
    if file and not file.exists():
        raise CommandError(
            f"There is no database at {file.absolute()}. Name it in AUTHAPI_DATABASE_URL, or call "
            "the command in its folder; `authapi migrate` makes a new one."
        )


@contextmanager
def connected(settings: Settings) -> Iterator[Database]:
    """Give a command the database, at the newest migration. Raises OperatorError, Unavailable."""
    logs.configure(settings.log_format)
    file = settings.database_file
    is_new = file is not None and not file.exists()
    with closing(open_database(settings.database_url, clock.now)) as db:
        require_schema(db, settings)
        if is_new and file:
            say_on_stderr(f"There was no database, so a new one was made: {file.absolute()}")
        yield db


def as_text(moment: float) -> str:
    """Return Unix seconds as RFC 3339 in UTC."""
    return as_datetime(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
