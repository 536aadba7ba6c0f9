"""File descriptors: how many this process may have, and how many are for connections."""

import resource

from authapi.logs import log

MAX_CONNECTIONS = 1000
MAX_BACKLOG = 2048


def raise_limit() -> int:
    """Raise the limit of open descriptors to the hard one, and log it. Workers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (OSError, ValueError) as error:  # macOS: "unlimited" is more than its kernel allows
        log.warning("descriptor_limit_not_raised", descriptors=soft, reason=str(error))
    else:
        log.info("descriptor_limit", descriptors=soft)
    return MAX_BACKLOG * 4 if soft == resource.RLIM_INFINITY else soft


def shares(descriptors: int) -> dict[str, int]:
    """Return uvicorn's options: half of them for connections, a quarter for those to be accepted.

    The rest is for the database, Redis and the log. Connections are accepted many at a time.
    """
    return {
        "limit_concurrency": min(MAX_CONNECTIONS, descriptors // 2),
        "backlog": min(MAX_BACKLOG, descriptors // 4),
    }
