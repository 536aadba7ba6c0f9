"""The three cookies: their names, their flags, how they are read (docs/transports.md, RFC 6265bis).

  cookie    holds                          SameSite
  access    the access token               Lax
  refresh   the refresh token              Strict
  session   the id of transport session    Lax

With an https public URL the names begin with `__Host-Http-`: no other host, no subdomain and no
script can set one. A browser that does not know the whole prefix applies that of `__Host-`: no
other host and no subdomain.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from starlette.responses import Response
from starlette.types import Scope

CookieKind = Literal["access", "refresh", "session"]
KINDS: tuple[CookieKind, ...] = ("access", "refresh", "session")
SAME_SITE = {"access": "Lax", "refresh": "Strict", "session": "Lax"}
LONG_BYTES = 4096  # of all cookies in a request: who sends more sends mostly others'


class RepeatedCookieError(Exception):
    """There are two cookies of one name. One may be a stranger's, and nobody can tell which."""


@dataclass(frozen=True, slots=True)
class Cookies:
    """The cookies of a deployment."""

    is_https: bool
    same_site: str | None
    _ours: re.Pattern[bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = "|".join(map(self.name, KINDS))
        ours = re.compile(rf"(?:^|;)[ \t]*({names})[ \t]*(?:=([^;]*)|(?=;|$))".encode())
        object.__setattr__(self, "_ours", ours)

    def name(self, kind: CookieKind) -> str:
        return f"__Host-Http-{kind}" if self.is_https else f"authapi-{kind}"

    def read(self, scope: Scope, kind: CookieKind) -> str | None:
        """Return the value of the one cookie of that kind. Raises RepeatedCookieError for two."""
        values = self._values(scope, kind)
        if len(values) > 1:
            raise RepeatedCookieError
        return values[0].decode("latin-1") if values else None

    def sent(self, scope: Scope) -> list[CookieKind]:
        """Return the kinds that came with the request, however often."""
        return [kind for kind in KINDS if self._values(scope, kind)]

    def set(self, response: Response, kind: CookieKind, value: str, max_age: int | None) -> None:
        """Set a cookie on the response. `max_age` is in seconds: to the end of what it holds.

        Without it the cookie ends with the browser.
        """
        lasting = "" if max_age is None else f"Max-Age={max_age}; "
        same_site = (self.same_site or SAME_SITE[kind]).capitalize()
        secure = "Secure; " if self.is_https else ""
        response.headers.append(
            "Set-Cookie",
            f"{self.name(kind)}={value}; {lasting}Path=/; {secure}HttpOnly; SameSite={same_site}",
        )

    def clear_sent(self, scope: Scope, response: Response) -> None:
        """Clear on the response each cookie of the request that the response does not set."""
        being_set = {header.partition("=")[0] for header in response.headers.getlist("set-cookie")}
        for kind in self.sent(scope):
            if self.name(kind) not in being_set:
                self.set(response, kind, "", 0)

    def without_others(self, scope: Scope) -> Scope:
        """Return the scope. If its cookies are long, ours alone are left of them.

        A head may hold 30,000 cookies, and FastAPI reads each one at every route, in Python.
        """
        sent = [value for name, value in scope["headers"] if name == b"cookie"]
        if sum(map(len, sent)) <= LONG_BYTES:
            return scope
        ours = [
            f"{self.name(kind)}=".encode() + value
            for kind in KINDS
            for value in self._values(scope, kind)[:2]  # two are one too many already
        ]
        headers = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        if ours:
            headers.append((b"cookie", b"; ".join(ours)))
        return {**scope, "headers": headers}

    def _values(self, scope: Scope, kind: CookieKind) -> Sequence[bytes]:
        wanted = self.name(kind).encode()
        return [
            value.strip()
            for header, cookies in scope["headers"]
            if header == b"cookie" and wanted in cookies
            for name, value in self._ours.findall(cookies)
            if name == wanted
        ]
