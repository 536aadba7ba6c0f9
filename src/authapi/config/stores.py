"""Whether PostgreSQL and Redis are on this machine, or behind TLS.

Without TLS, anybody on the way to another machine reads sessions and hashes, and writes them. Each
URL is read as the library reads it that connects. Loopback and Unix sockets are this machine.
"""

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from authapi.verifier.loopback import is_loopback_host

# libpq's default, `prefer`, goes on without TLS when the server (or anybody before it) has none.
TLS_MODES = frozenset({"require", "verify-ca", "verify-full"})
READ = ("host", "hostaddr", "sslmode", "service")


UNLESS = (
    "unless every host is this machine, or AUTHAPI_ALLOW_INSECURE_STORES is true: "
    "without TLS anybody on the way reads and changes what is stored"
)


def exposed(database_url: str, redis_url: str | None) -> Iterator[str]:
    """Yield a sentence for each store that is another machine without TLS. Raises ValueError."""
    if is_database_exposed(database_url):
        modes = "sslmode=require, sslmode=verify-ca or sslmode=verify-full"
        yield f"AUTHAPI_DATABASE_URL needs {modes} {UNLESS}"
    if redis_url and is_redis_exposed(redis_url):
        yield f"AUTHAPI_REDIS_URL has to begin with rediss:// {UNLESS}"


def is_database_exposed(database_url: str) -> bool:
    """Return whether the database is on another machine without TLS. Raises ValueError."""
    return database_url.startswith("postgresql") and is_postgresql_exposed(database_url)


def is_redis_exposed(url: str) -> bool:
    """Return whether the URL leads to another machine without TLS. Raises ValueError."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("AUTHAPI_REDIS_URL is not a URL") from None  # urllib's may repeat it
    if parts.scheme == "rediss":
        return False
    asked = parse_qs(parts.query).get("host", ["localhost"])[0]
    host = unquote(parts.hostname) if parts.hostname else asked
    return not is_loopback_host(host.lower())


def is_postgresql_exposed(url: str) -> bool:
    """Return whether a host of the URL is another machine, and TLS is not demanded.

    PGHOST, PGSSLMODE and their like count, as they do for libpq. Raises ValueError.
    """
    given = _options(url)
    options = {**_defaults(), **given}
    if options.get("sslmode") in TLS_MODES:
        return False
    if "service" in given:  # names hosts in a file that libpq reads when it connects
        return True
    # libpq connects to hostaddr, whatever host says.
    hosts = (options.get("hostaddr") or options.get("host", "")).split(",")
    return not all(map(_is_here, hosts))


def _is_here(host: str) -> bool:
    # No host is libpq's own Unix socket; @ is a socket without a file.
    return host.startswith(("/", "@")) or host == "" or is_loopback_host(host.lower())


def _options(url: str) -> dict[str, str]:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
        _, options = parsed.get_dialect()().create_connect_args(parsed)
    except (ArgumentError, ValueError):
        # Not chained: the message may repeat the password.
        raise ValueError("AUTHAPI_DATABASE_URL doesn't name its hosts plainly") from None
    return {name: _only(options[name]) for name in READ if name in options}


def _only(value: object) -> str:
    """Return an option's text; one that was given twice is none that libpq takes."""
    return value if isinstance(value, str) else ""


def _defaults() -> dict[str, str]:
    """Return what libpq takes from its environment, its service file, and itself."""
    from psycopg.pq import Conninfo

    options = Conninfo.get_defaults()
    known = {option.keyword.decode(): option.val for option in options if option.val}
    return {name: known[name].decode(errors="replace") for name in READ if name in known}
