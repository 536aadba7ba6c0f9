"""The rules for the text of a setting: one function a rule.

Each takes the text and returns it in the form that the code uses. A ValueError holds the end of a
sentence that begins with the variable's name. No sentence repeats a value: it may hold a password.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr, ValidationError, ValidatorFunctionWrapHandler

from authapi.config.hosts import hosts_in_query
from authapi.verifier.loopback import is_loopback_host

SECRET_BYTES = 32
SECRET_CHARACTERS = 6  # fewer different ones are a pattern, not a secret
HOW_TO_MAKE_ONE = '`python -c "import secrets; print(secrets.token_urlsafe(32))"`'
PLACEHOLDERS = (
    "changeme",
    "changethis",
    "replaceme",
    "yoursecret",
    "your256bitsecret",
    "stringsecretatleast",
    "secretkey",
    "password",
    "placeholder",
    "insecure",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
)
MAX_PUBLIC_URL, MAX_PAGE_URL = 300, 2000
MAX_LIMIT_SECONDS = 10 * 366 * 86400
APP_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._-]+(:[0-9]{1,5})?")
# Schemes that are no origin of one app: any local file, and a document without an address.
NO_APPS = frozenset(
    {"file", "filesystem", "data", "blob", "about", "javascript", "ws", "wss", "ftp"}
)
STRICT_TRANSPORT = re.compile(
    r"max-age=\d{1,10}( ?; ?(includeSubDomains|preload))*", re.ASCII | re.IGNORECASE
)
DEFAULT_PORTS = {"http": 80, "https": 443}
LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
ADDRESS = rf'[^\s@<>(),:;"\\[\]]+@(?:{LABEL}\.)*{LABEL}'
MAILBOX = re.compile(rf'{ADDRESS}|(?:"[^"\\]*"|[^<>@,;:"]*) ?<{ADDRESS}>')


def split_list(value: object) -> object:
    """Return comma-separated text as its parts, anything else as it is."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def empty_is_none(value: object) -> object:
    """Return None for `AUTHAPI_X=`, where a setting has no default."""
    return None if value == "" else value


def lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def strong_secret(secret: SecretStr) -> SecretStr:
    secret_list(secret.get_secret_value())
    return secret


def secret_list(text: str) -> tuple[bytes, ...]:
    """Return comma-separated secrets, the signing one first, each fit to derive keys from."""
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        _refuse_weak(part)
    return tuple(part.encode() for part in parts)


def _refuse_weak(part: str) -> None:
    advice = f"; make one with {HOW_TO_MAKE_ONE}"
    if not part.isprintable():
        raise ValueError("holds characters that can't be printed" + advice)
    if len(part.encode()) < SECRET_BYTES:
        raise ValueError(f"needs at least {SECRET_BYTES} bytes in each of its parts" + advice)
    letters = re.sub(r"[^a-z0-9]", "", part.lower())
    if any(word in letters for word in PLACEHOLDERS):
        raise ValueError("is a placeholder from an example" + advice)
    if len(set(part)) < SECRET_CHARACTERS:
        raise ValueError("repeats the same few characters" + advice)


def database_url(url: str) -> str:
    """Return `sqlite:///PATH` as it is, and PostgreSQL's URLs as SQLAlchemy names psycopg 3."""
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite" and separator:
        return _sqlite_url(url)
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"} and separator:
        rest = hosts_in_query(rest)
        _refuse_bad_postgresql(f"{scheme}://{rest}")
        return f"postgresql+psycopg://{rest}"
    raise ValueError("has to begin with sqlite:/// or postgresql://")


def _sqlite_url(url: str) -> str:
    path = url.removeprefix("sqlite:///")
    if path == url or path in {"", ":memory:"} or path.startswith("file:"):
        # Threads and processes share the database, and can't share memory.
        raise ValueError("has to name a file, as in sqlite:///./authapi.db")
    if "?" in path or "\0" in path or path.endswith("/"):
        raise ValueError("has to be a plain path behind sqlite:///, without a query")
    return url


def _refuse_bad_postgresql(url: str) -> None:
    try:
        name = urlsplit(url).path.strip("/")
        _ = urlsplit(url).port
    except ValueError:
        # Not chained: urllib's message may repeat the password.
        raise ValueError(
            "is not a URL; percent-encode special characters in its password"
        ) from None
    if not name:
        raise ValueError("has to name a database, as in postgresql://user:password@host/authapi")


def mask_url(url: str) -> str:
    """Return the URL without its passwords. It hides too much rather than too little."""
    before, at, after = url.rpartition("@")  # looked for once: an expression would do it each time
    url = re.sub(r"://([^:/?#@]*):.*", r"://\1:***", before, flags=re.DOTALL) + at + after
    return re.sub(r"(password=)[^&]*", r"\1***", url, flags=re.IGNORECASE)


def public_url(url: str) -> str:
    """Return the issuer (RFC 8414 section 2) unchanged: it is compared as a string."""
    parts = _split_http(url)
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("has to be without a query and a fragment (RFC 8414)")
    if url.endswith("/"):
        raise ValueError("has to end without a slash: it is compared with tokens' iss as it is")
    if len(url) > MAX_PUBLIC_URL:
        raise ValueError(f"has to have at most {MAX_PUBLIC_URL} characters: every token holds it")
    return url


def origin_of(url: str) -> str:
    """Return the origin of an http(s) URL as a browser writes it (RFC 6454 section 6.2)."""
    parts = _split_http(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def exact_origin(text: str) -> str:
    """Return one allowed origin. `*` and `null` would let any site in."""
    if "*" in text or text == "null":
        raise ValueError("takes exact origins, never * or null")
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() not in DEFAULT_PORTS:
        return _origin_of_app(text)
    origin = origin_of(text)
    if origin != text:
        raise ValueError(f"has to name an origin as browsers send it: {origin}")
    # Anybody on the way can be a page that came over http, whatever our own scheme is.
    if origin.startswith("http:") and not is_loopback_host(urlsplit(origin).hostname or ""):
        raise ValueError("takes https origins, and http only where the host is this machine")
    return origin


def _origin_of_app(text: str) -> str:
    """Return the origin of an app in a web view, or of a browser's extension."""
    if not APP_ORIGIN.fullmatch(text) or text.partition(":")[0] in NO_APPS:
        raise ValueError("takes origins such as https://app.example and capacitor://localhost")
    return text


def _split_http(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port != 0
    except ValueError:
        raise ValueError("is not a URL") from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not plain or not port_is_fine:
        raise ValueError("has to be a URL that begins with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("has to be without a user and a password")
    return parts


def network(text: object) -> IPv4Network | IPv6Network:
    """Return the network of an address, or of a range in CIDR notation."""
    try:
        return ip_network(str(text))
    except ValueError:  # not chained: it repeats the value
        raise ValueError("takes addresses, and networks such as 10.0.0.0/8: no host bits") from None


def url_with_scheme(schemes: Collection[str], url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme not in schemes or not separator or not rest or not url.isprintable():
        raise ValueError("has to begin with " + " or ".join(f"{name}://" for name in schemes))
    return url


def smtp_url(url: str) -> str:
    """Return smtp[s]://[user:password@]host[:port][?starttls=required]."""
    url_with_scheme(("smtp", "smtps"), url)
    try:
        parts = urlsplit(url)
        is_fine = bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
    except ValueError:
        is_fine = False
    if not is_fine:
        # The message repeats nothing: a password may stand in the URL.
        raise ValueError("is not a URL; percent-encode special characters in its password")
    if parts.query not in {"", "starttls=required"} or parts.fragment:
        raise ValueError("knows no option but ?starttls=required")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("needs both a user and a password, or neither")
    typed = unquote(f"{parts.username}{parts.password}")
    if not (typed.isascii() and typed.isprintable() and url.isprintable() and " " not in url):
        raise ValueError("takes visible ASCII characters only, in its user and password too")
    return url


def page_url(url: str) -> str:
    """Return a page that links in mails open; `?token=` is added to it."""
    if "#" in url:
        raise ValueError("has to be without a fragment: a token is added at its end")
    return plain_page_url(url)


def plain_page_url(url: str) -> str:
    """Return a page that is opened as it is: over https, or on this machine."""
    parts = _split_http(url)
    if parts.scheme == "http" and not is_loopback_host(parts.hostname or ""):
        raise ValueError("has to begin with https:// unless its host is this machine")
    if len(url) > MAX_PAGE_URL:
        raise ValueError(f"has to have at most {MAX_PAGE_URL} characters")
    return url


def range_url(url: str) -> str:
    """Return the base of a range service, ending with a slash: five digits are added to it."""
    page_url(url)
    if "?" in url:
        raise ValueError("has to be without a query: five digits are added at its end")
    return url.rstrip("/") + "/"


def mail_address(text: str) -> str:
    """Return the sender of mails, `a@b.c` or `Name <a@b.c>`. A line break would add headers."""
    if not (MAILBOX.fullmatch(text) and text.isprintable()):
        raise ValueError("has to be one e-mail address: a@b.example, or Name <a@b.example>")
    return text


def audience(text: str) -> str:
    """Return the name of one service."""
    if "," in text:
        raise ValueError("names one service; AUTHAPI_AUDIENCES takes a list of the others")
    return visible_text(text)


def visible_text(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise ValueError("has to be visible characters without spaces")
    return text


def strict_transport(text: str) -> str:
    """Return the value of Strict-Transport-Security (RFC 6797 section 6.1). Empty: none is sent."""
    if text and not STRICT_TRANSPORT.fullmatch(text):
        raise ValueError("has to look like max-age=63072000; includeSubDomains, or be empty")
    return text


def rate_limit(text: str) -> str:
    """Return a limit in the notation of the `limits` library. Empty text switches it off."""
    if not text.strip():
        return ""
    from limits import parse_many  # slow to import, and most processes keep the defaults

    try:
        parsed = parse_many(text)
    except ValueError:
        raise ValueError("has to look like 10/minute;100/hour, or be empty") from None
    # Of none, nobody could log in; and Redis takes no expiry of centuries.
    if not all(one.amount and one.get_expiry() <= MAX_LIMIT_SECONDS for one in parsed):
        raise ValueError("has to allow one at least, in ten years at most")
    return text


def overlap(value: object, read: ValidatorFunctionWrapHandler) -> object:
    """Return seconds, or `until_used`. One sentence says both, not a sentence for each."""
    try:
        return read(value)
    except ValidationError:
        raise ValueError("has to be a number of seconds from 0 to 300, or until_used") from None
