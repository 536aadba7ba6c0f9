"""`authapi users import`: the users of another product."""

import os
import sys
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from io import BufferedReader
from pathlib import Path

import click

from authapi.cli.connecting import connected, settings_with_secret
from authapi.cli.printing import progress, say
from authapi.clock import now
from authapi.crypto.foreign_hashes import FirebaseProject
from authapi.crypto.name_digests import NameDigests
from authapi.errors import CommandError
from authapi.services.accounts.importing.files import Found, Shape, read_records
from authapi.services.accounts.importing.firebase import parse_project
from authapi.services.accounts.importing.products import FIREBASE, OWN, PRODUCTS, product_of
from authapi.services.accounts.importing.storing import Fate, import_users
from authapi.services.accounts.usernames import Usernames

STDIN = "-"


@click.command(name="import")
@click.argument("file")
@click.option("--from", "name", type=click.Choice(PRODUCTS), default=OWN, help="Whose export.")
@click.option("--dry-run", is_flag=True, help="Say the same, and write nothing.")
@click.option("--hash-config", help="A file with Firebase's block of hash parameters.")
def import_(file: str, name: str, hash_config: str | None, *, dry_run: bool) -> None:
    """Import users from FILE, or from standard input if it is `-`; run it again to go on."""
    if (hash_config is None) == (name == FIREBASE):
        raise click.UsageError("--from firebase and --hash-config go together.")
    # Of old libraries' hashes, which passlib reads all the same.
    warnings.filterwarnings("ignore", module="passlib")
    settings = settings_with_secret()
    product = product_of(name, project=_project(hash_config), now=now())
    usernames = Usernames(NameDigests(settings.secrets))
    fates: Counter[Fate] = Counter()
    refused: list[str] = []
    try:
        with (
            _opened(file) as source,
            closing(_records(file, source, product.shape)) as records,
            connected(settings) as db,
            progress(_size(source)) as show_at,
        ):
            for outcome in import_users(db, usernames, product, records, dry_run=dry_run):
                fates[outcome.fate] += 1
                if outcome.fate is Fate.REFUSED:
                    refused.append(f"{outcome.place}: {outcome.reason}")
                show_at(_position(source))
    finally:
        _tell(fates, refused, dry_run=dry_run)
    if not fates:
        raise CommandError("There are no users in it.")
    if refused:
        raise CommandError(f"{len(refused)} of {fates.total()} users were refused.")


def _tell(fates: Counter[Fate], refused: list[str], *, dry_run: bool) -> None:
    for line in refused:
        say(line)
    counts = ", ".join(f"{fates[fate]} {fate}" for fate in Fate if fates[fate])
    if counts:
        say(f"{counts}. This was a dry run: nothing is written." if dry_run else f"{counts}.")


def _opened(file: str) -> BufferedReader:
    """Open the file. Raises CommandError."""
    with _reading(file):
        if file != STDIN:
            return Path(file).open("rb")
        if sys.stdin is None:
            raise CommandError("There is no standard input.")
        return os.fdopen(sys.stdin.fileno(), "rb", closefd=False)


@contextmanager
def _reading(file: str) -> Iterator[None]:
    """Turn an OSError into a CommandError that names the file."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror or error}.") from error


def _records(file: str, source: BufferedReader, shape: Shape) -> Generator[Found, None, None]:
    """Yield the records. Raises CommandError, also if the file can't be read to its end."""
    with closing(read_records(source, shape)) as records:
        while True:
            with _reading(file):
                found = next(records, None)
            if found is None:
                return
            yield found


def _size(source: BufferedReader) -> int:
    """Return how many bytes it has, or 0 if nobody knows: of a pipe."""
    return os.fstat(source.fileno()).st_size if source.seekable() else 0


def _position(source: BufferedReader) -> int:
    return source.tell() if source.seekable() else 0


def _project(hash_config: str | None) -> FirebaseProject | None:
    if hash_config is None:
        return None
    with _reading(hash_config), _opened(hash_config) as source:
        return parse_project(source.read(65536).decode("utf-8-sig", "replace"))
