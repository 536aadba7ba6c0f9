"""The secret that authapi makes for itself, in a file beside the SQLite file.

The file holds one secret, or a comma-separated list to rotate it, as AUTHAPI_SECRET does.
"""

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from pydantic import SecretStr

from authapi.config.settings import Settings
from authapi.config.values import HOW_TO_MAKE_ONE, secret_list
from authapi.errors import CommandError

MAX_BYTES = 16 * 1024
ROOT = 0
FSGROUP_MODE = 0o660
WRITING_SECONDS = 0.5  # for forty bytes of another process
NO_SUCH_CALL = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)  # a folder can't be flushed there


def load_or_create(settings: Settings) -> Settings:
    """Return the settings with a secret: AUTHAPI_SECRET, or the file's. Make a missing file.

    Processes that start at the same moment get the same secret. Raises CommandError if there is no
    secret and none may be made.
    """
    if settings.secret is not None:
        return settings
    path = secret_path(settings)
    try:
        if not path.exists():
            _create(path, settings)
        secret = _read(path)
    except OSError as error:
        raise CommandError(
            f"The secret can't be kept in {path}: {error.strerror}. Make the folder usable, or set "
            "AUTHAPI_SECRET."
        ) from error
    return settings.model_copy(update={"secret": SecretStr(secret)})


def secret_path(settings: Settings) -> Path:
    """Return `authapi.secret` for `authapi.db`. Raises CommandError on PostgreSQL."""
    database = settings.database_file
    if database is None:
        raise CommandError(
            "AUTHAPI_SECRET is missing, and PostgreSQL has no file to keep one beside. Make one "
            f"with {HOW_TO_MAKE_ONE} and give the same to every process."
        )
    path = database.with_suffix(".secret")
    if path == database:
        raise CommandError("AUTHAPI_DATABASE_URL names a file that ends in .secret; rename it.")
    return path


def _create(path: Path, settings: Settings) -> None:
    database = settings.database_file
    assert database is not None
    has_content = database.exists() and database.stat().st_size > 0
    # Look again, after the database: another process makes the secret before the database.
    if has_content and not path.exists():
        raise CommandError(
            f"{database} exists, but its secret {path} does not, and a new one could not open the "
            f"keys in it. Put {path.name} back, set AUTHAPI_SECRET, or move the database away."
        )
    _publish(path, secrets.token_urlsafe(32))


def _publish(path: Path, secret: str) -> None:
    """Write the whole file under another name, then link it: nobody reads half a secret."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with suppress(FileExistsError):  # another process was first, and its secret counts
        try:
            _write_new(draft, secret)
            _link(draft, path, secret)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _link(draft: Path, path: Path, secret: str) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # no hard links here: FAT, some network shares and containers' volumes
        _write_new(path, secret)


def _write_new(path: Path, secret: str) -> None:
    """Write a file for its owner alone, and leave none if it can't be written whole."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Flush the file's name: a power cut must not lose a secret that has sealed keys."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SUCH_CALL:
            raise
    finally:
        os.close(descriptor)


def _refuse_if_shared(path: Path, status: os.stat_result) -> None:
    """Refuse a file that another user could have written, or can read."""
    if not stat.S_ISREG(status.st_mode):
        raise CommandError(f"{path} has to be a file.")
    own = os.geteuid()
    if status.st_uid not in {own, ROOT}:
        raise CommandError(
            f"{path} belongs to another user, who knows the secret in it. Run authapi as that "
            f"user, or, if you trust the file: chown {own} {path}"
        )
    if status.st_mode & 0o077 and not _is_opened_by_platform(path, status):
        raise CommandError(
            f"{path} can be opened by other users. Run: chmod 600 {path}. If the file system has "
            "no modes, set AUTHAPI_SECRET or AUTHAPI_SECRET_FILE."
        )


def _is_opened_by_platform(path: Path, status: os.stat_result) -> bool:
    """Return whether Kubernetes let the group of the pod in, at the second start (`fsGroup`).

    It makes 0660 of 0600, and 0440 of 0400, and it would do so again. Only our own group counts.
    """
    is_ours = status.st_gid in {os.getegid(), *os.getgroups()}
    if not is_ours or status.st_mode & 0o007:
        return False
    folder = path.resolve().parent.stat()
    has_its_mark = bool(folder.st_mode & stat.S_ISGID) and folder.st_gid == status.st_gid
    return has_its_mark or stat.S_IMODE(status.st_mode) == FSGROUP_MODE


def _content(path: Path) -> bytes:
    """Return what is in the file. Without hard links, another process may just be writing it."""
    ends_at = monotonic() + WRITING_SECONDS
    while True:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            _refuse_if_shared(path, status)
            content = file.read(MAX_BYTES)
        if content or monotonic() > ends_at:
            return content
        sleep(0.02)


def _read(path: Path) -> str:
    content = _content(path)
    try:
        secret = content.decode().strip()
        secret_list(secret)
    except ValueError as error:
        reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise CommandError(f"{path} holds no usable secret: it {reason}.") from error
    return secret
