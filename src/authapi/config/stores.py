"""Whether the URLs of PostgreSQL and Redis can be read, and lead here or through TLS.

Without TLS, anybody on the way to another machine reads sessions and hashes, and writes them. Each
URL is read as the library reads it that connects. Loopback and Unix sockets are this machine.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from authapi.verifier.loopback import is_loopback_host

# libpq's default, `prefer`, goes on without TLS when the server (or anybody before it) has none.
TLS_MODES = frozenset({"require", "verify-ca", "verify-full"})
READ = ("host", "hostaddr", "sslmode", "service")


UNLESS = (
    "unless every host is this machine, or AUTHAPI_ALLOW_INSECURE_STORES is true: "
    "without TLS anybody on the way reads and changes what is stored"
)


def unreadable(database_url: str, redis_url: str | None) -> Iterator[str]:
    """Yield a sentence for each URL that its library can't read. No sentence repeats a part of it.

    Else the start would end in a traceback, or each request in a 500.
    """
    if database_url.startswith("postgresql") and not _is_read_by_libpq(database_url):
        yield "AUTHAPI_DATABASE_URL can't be read: see its hosts, ports and options"
    if redis_url and not _is_read_by_redis(redis_url):
        yield (
            "AUTHAPI_REDIS_URL has a port, an option or a password that can't be read; "
            "percent-encode special characters in its password"
        )


def _is_read_by_libpq(url: str) -> bool:
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo
    from sqlalchemy.exc import ArgumentError

    try:
        make_conninfo(**_options(url))
    except (ArgumentError, ProgrammingError, ValueError):
        return False
    return True


def _is_read_by_redis(url: str) -> bool:
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        Redis.from_url(url).connection_pool.make_connection()  # which does not connect
    except (RedisError, TypeError, ValueError):
        return False
    return True


def exposed(database_url: str, redis_url: str | None) -> Iterator[str]:
    """Yield a sentence for each store that is another machine without TLS, if it can be read."""
    if is_database_exposed(database_url):
        modes = "sslmode=require, sslmode=verify-ca or sslmode=verify-full"
        yield f"AUTHAPI_DATABASE_URL needs {modes} {UNLESS}"
    if redis_url and is_redis_exposed(redis_url):
        yield f"AUTHAPI_REDIS_URL has to begin with rediss:// {UNLESS}"


def is_database_exposed(database_url: str) -> bool:
    """Return whether the database is on another machine without TLS."""
    return database_url.startswith("postgresql") and is_postgresql_exposed(database_url)


def is_redis_exposed(url: str) -> bool:
    """Return whether the URL leads to another machine without TLS."""
    parts = urlsplit(url)
    if parts.scheme == "rediss":
        return False
    asked = parse_qs(parts.query).get("host", ["localhost"])[0]
    host = unquote(parts.hostname) if parts.hostname else asked
    return not is_loopback_host(host.lower())


def is_postgresql_exposed(url: str) -> bool:
    """Return whether a host of the URL is another machine, and TLS is not demanded.

    PGHOST, PGSSLMODE and their like count, as they do for libpq.
    """
    all_given = _options(url)
    given = {name: _only(all_given[name]) for name in READ if name in all_given}
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


def _options(url: str) -> dict[str, Any]:
    """Return what the URL says to libpq. Raises ArgumentError or ValueError."""
    from sqlalchemy import make_url

    parsed = make_url(url)
    return dict(parsed.get_dialect()().create_connect_args(parsed)[1])


def _only(value: object) -> str:
    """Return an option's text; one that was given twice is none that libpq takes."""
    return value if isinstance(value, str) else ""


def _defaults() -> dict[str, str]:
    """Return what libpq takes from its environment, its service file, and itself."""
    from psycopg.pq import Conninfo

    options = Conninfo.get_defaults()
    known = {option.keyword.decode(): option.val for option in options if option.val}
    return {name: known[name].decode(errors="replace") for name in READ if name in known}
