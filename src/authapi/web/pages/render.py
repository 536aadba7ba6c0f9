"""Writes a page. Jinja is imported for the first one: it takes long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import HTMLResponse

from authapi.services.mail.messages import languages_by_preference
from authapi.web.pages.words import DEFAULT_LANGUAGE, WORDS
from authapi.web.runtime import runtime_of

if TYPE_CHECKING:
    from jinja2 import Template

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Field:
    """`name` is also the label's in WORDS."""

    name: str
    type: str = "text"
    autocomplete: str = "off"
    value: str = ""
    longest: int = 256


EMAIL = Field("email", "email", "email", longest=254)
CODE = Field("code", autocomplete="one-time-code", longest=20)
NEW_PASSWORD = Field("new_password", "password", "new-password")


@dataclass(frozen=True, slots=True)
class Page:
    """`name` is what WORDS calls the page. `links` are pairs of a path and a name of WORDS.

    `news` is a name of WORDS too: what has just been done, above the page's own lines.
    """

    name: str
    action: str = ""
    fields: Sequence[Field] = ()
    token: str = field(default="", repr=False)
    problem: str = ""
    links: Sequence[tuple[str, str]] = ()
    news: str = ""


def language_of(request: Request) -> str:
    """Return the language that the visitor's browser prefers of those in WORDS."""
    preferred = languages_by_preference(request.headers.get("accept-language", ""))
    known = [tag.lower().partition("-")[0] for tag in preferred]
    return next((language for language in known if language in WORDS), DEFAULT_LANGUAGE)


def show(request: Request, page: Page, status: int = 200) -> HTMLResponse:
    """Return the page with its form. Without a token or a field there is nothing to send."""
    words = WORDS[language_of(request)]
    form = {
        "action": page.action,
        "token": page.token,
        "fields": [_shown(one, words) for one in page.fields],
        "button": words[f"{page.name}_button"],
    }
    lines = [words[name] for name in (page.news, f"{page.name}_lines") if name]
    values = {
        "title": words[page.name],
        "lines": lines if page.token or page.fields else [words["no_token"]],
        "form": form if page.token or page.fields else None,
        "links": _links(page.links, words),
        "problem": page.problem,
    }
    return _response(request, values, status)


def show_done(request: Request, name: str, links: Sequence[tuple[str, str]] = ()) -> HTMLResponse:
    """Return the page that says that it worked."""
    words = WORDS[language_of(request)]
    values = {"title": words["done"], "lines": [words[f"{name}_done"]]}
    return _response(request, {**values, "links": _links(links, words)}, 200)


def _links(
    links: Sequence[tuple[str, str]], words: Mapping[str, str]
) -> Sequence[Mapping[str, str]]:
    return [{"path": path, "text": words[name]} for path, name in links]


def _shown(one: Field, words: Mapping[str, str]) -> Mapping[str, object]:
    return {
        "name": one.name,
        "type": one.type,
        "autocomplete": one.autocomplete,
        "value": one.value,
        "longest": one.longest,
        "label": words[one.name],
    }


def _response(request: Request, values: Mapping[str, object], status: int) -> HTMLResponse:
    public_url = runtime_of(request).settings.public_url
    html = _template().render(
        language=language_of(request),
        service=urlsplit(public_url).netloc,
        # As the browser sees it: a proxy may have cut the path off.
        root=urlsplit(public_url).path,
        **values,
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY})


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.undefined = StrictUndefined
    environment.globals = {"problem": "", "form": None}
    return environment.get_template("page.html")
