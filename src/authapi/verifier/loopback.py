"""Whether a host is this machine alone: only there may http carry keys and cookies."""

from ipaddress import ip_address


def is_loopback_host(host: str) -> bool:
    """Whether the host is `localhost`, a name below it, or a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
