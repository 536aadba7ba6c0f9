"""Several hosts in PostgreSQL's URL, as libpq takes them: `HOST:PORT,HOST:PORT`.

SQLAlchemy reads them from the query alone. A ValueError is as those of `values`.
"""

import re
from urllib.parse import parse_qs, quote, unquote

HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:,]+))(?::(?P<port>[0-9]{1,5}))?")
HIGHEST_PORT = 65535
ONLY_READ = {"standby", "prefer-standby", "read-only"}


def hosts_in_query(rest: str) -> str:
    """Return what follows `postgresql://`, with several hosts in its query. Raises ValueError."""
    [authority] = re.findall(r"\A[^/?]*", rest)
    path, _, query = rest[len(authority) :].partition("?")
    if ONLY_READ.intersection(parse_qs(query).get("target_session_attrs", [])):
        raise ValueError("can't ask for a server that only reads, as its target_session_attrs does")
    user, at, hosts = authority.rpartition("@")
    if "," not in hosts:
        return rest
    pairs = [_host_and_port(host) for host in hosts.split(",")]
    asked = "host=" + ",".join(quote(unquote(host), safe="") for host, _ in pairs)
    if any(port for _, port in pairs):
        asked += "&port=" + ",".join(port for _, port in pairs)
    return f"{user}{at}{path}?{asked}" + (f"&{query}" if query else "")


def _host_and_port(text: str) -> tuple[str, str]:
    match = HOST.fullmatch(text)
    port = match["port"] or "" if match else ""
    if not match or (port and not 0 < int(port) <= HIGHEST_PORT):
        raise ValueError("has to name its hosts as HOST:PORT,HOST:PORT")
    return match["v6"] or match["name"], port
