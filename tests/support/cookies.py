"""Set-Cookie headers, read strictly, and a cookie jar without rules of its own."""

from dataclasses import dataclass

import httpx

# With an http public URL; with an https one the prefix is `__Host-Http-`.
NAMES = {"access": "authapi-access", "refresh": "authapi-refresh", "session": "authapi-session"}


@dataclass(frozen=True)
class SetCookie:
    """One Set-Cookie header. `flags` are its attributes as sent, except Max-Age."""

    name: str
    value: str
    max_age: int | None
    flags: frozenset[str]
    header: str

    @property
    def clears(self) -> bool:
        return self.max_age == 0


def set_cookies(answer: httpx.Response) -> dict[str, SetCookie]:
    """Return the cookies by name. Fail the test if a name comes twice."""
    cookies = [_read(header) for header in answer.headers.get_list("set-cookie")]
    by_name = {cookie.name: cookie for cookie in cookies}
    assert len(by_name) == len(cookies)
    return by_name


def _read(header: str) -> SetCookie:
    pair, *attributes = header.split("; ")
    name, _, value = pair.partition("=")
    ages = [given for given in attributes if given.startswith("Max-Age=")]
    assert len(ages) < 2
    max_age = int(ages[0].removeprefix("Max-Age=")) if ages else None
    return SetCookie(name, value, max_age, frozenset(attributes) - {*ages}, header)


class Jar(dict[str, str]):
    """Cookies by name. It forgets only what a response clears, and sends expired ones."""

    def take(self, answer: httpx.Response) -> None:
        for cookie in set_cookies(answer).values():
            if cookie.clears:
                self.pop(cookie.name, None)
            else:
                self[cookie.name] = cookie.value

    @property
    def header(self) -> dict[str, str]:
        return cookie_header(*self.items()) if self else {}


def cookie_header(*pairs: tuple[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in pairs)}
