"""The pages: GET shows one and changes nothing, its button posts to a path of its own.

| page                     | its button does             | then shows                     |
| ------------------------ | --------------------------- | ------------------------------ |
| GET /email/verify        | `POST /email/verify`        |                                |
| GET /email/verify/resend | `POST /email/verify/resend` | /email/verify, for the code    |
| GET /email/undo          | `POST /email/undo`          | a link to /password/forgot     |
| GET /password/forgot     | `POST /password/forgot`     | /password/reset, for the code  |
| GET /password/reset      | `POST /password/reset`      |                                |

The button of /X posts to /pages/X.

A form has no cookie and needs none: what it sends is the proof. A form on another site's page is
refused all the same: it would use up the visitor's limits.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from authapi.errors import CsrfFailed, InvalidField, Refusal
from authapi.web.bodies import StrictRequest
from authapi.web.credentials.csrf import is_foreign_form
from authapi.web.dependencies import device_of
from authapi.web.error_handlers import note
from authapi.web.even_time import even_out
from authapi.web.mail_schemas import AskedMail, LinkOrCode, NewPassword, OnlyLink
from authapi.web.pages.render import (
    CODE,
    EMAIL,
    HERE,
    NEW_PASSWORD,
    Field,
    Page,
    language_of,
    show,
    show_done,
)
from authapi.web.pages.words import WORDS
from authapi.web.responses import cacheable
from authapi.web.routers import links
from authapi.web.runtime import runtime_of

MAX_FIELDS = 20
MAX_TOKEN_CHARACTERS = 100  # ours have 55
FORM = "application/x-www-form-urlencoded"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Form:
    """A page and what its button does. `page` shows it without a token.

    `then` is the page that follows, with what was typed; `done_links` go with "it worked".
    """

    page: Page
    body: type[BaseModel]
    act: Callable[[Request, Any], Awaitable[object]]
    with_token: Page
    then: Page | None = None
    done_links: Sequence[tuple[str, str]] = ()


async def _verify(request: Request, body: LinkOrCode) -> None:
    device, runtime = device_of(request), runtime_of(request)
    await run_in_threadpool(links.verify_address, body, request, runtime, device)


async def _resend(request: Request, body: AskedMail) -> None:
    device, runtime = device_of(request), runtime_of(request)
    body.locale = language_of(request)
    await run_in_threadpool(links.resend_verification, body, request, runtime, device)


async def _undo(request: Request, body: OnlyLink) -> None:
    device, runtime = device_of(request), runtime_of(request)
    await run_in_threadpool(links.undo_change, body, request, runtime, device)


async def _forgot(request: Request, body: AskedMail) -> None:
    device, runtime = device_of(request), runtime_of(request)
    body.locale = language_of(request)
    await run_in_threadpool(links.forgot_password, body, request, runtime, device)


async def _reset(request: Request, body: NewPassword) -> None:
    device = device_of(request)
    body.locale = language_of(request)
    await links.choose_password(body, request, runtime_of(request), device)


FORGOT_LINK = (("/password/forgot", "ask_again"),)
RESEND_LINK = (("/email/verify/resend", "ask_again"),)
RESET = Page("reset", "/pages/password/reset", (EMAIL, CODE, NEW_PASSWORD), links=FORGOT_LINK)
VERIFY = Page("verify", "/pages/email/verify", (EMAIL, CODE), links=RESEND_LINK)
UNDO = Page("undo", "/pages/email/undo")
FORGOT = Page(
    "forgot", "/pages/password/forgot", (EMAIL,), links=(("/password/reset", "use_code"),)
)
RESEND = Page(
    "resend", "/pages/email/verify/resend", (EMAIL,), links=(("/email/verify", "use_code"),)
)
FORMS: Mapping[str, Form] = {
    "/email/verify": Form(VERIFY, LinkOrCode, _verify, replace(VERIFY, fields=())),
    "/email/verify/resend": Form(
        RESEND, AskedMail, _resend, RESEND, then=replace(VERIFY, news="resend_done")
    ),
    "/email/undo": Form(UNDO, OnlyLink, _undo, UNDO, done_links=(("/password/forgot", "reset"),)),
    "/password/forgot": Form(
        FORGOT, AskedMail, _forgot, FORGOT, then=replace(RESET, news="forgot_done")
    ),
    "/password/reset": Form(RESET, NewPassword, _reset, replace(RESET, fields=(NEW_PASSWORD,))),
}


def _shows(form: Form) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        token = request.query_params.get("token", "")[:MAX_TOKEN_CHARACTERS]
        return show(request, replace(form.with_token, token=token) if token else form.page)

    return page


def _acts(form: Form) -> Callable[[Request], Awaitable[Response]]:
    async def act(request: Request) -> Response:
        is_foreign = is_foreign_form(request.headers, runtime_of(request).settings)
        values = {} if is_foreign else await _read_form(request)
        token = values.get("token", "")
        page = replace(form.with_token, token=token) if token else form.page
        page = _filled(page, values)
        words = WORDS[language_of(request)]
        try:
            if is_foreign:
                raise CsrfFailed("another site's page sent the form")
            await form.act(request, form.body.model_validate(values))
        except ValidationError as invalid:
            runtime_of(request).refusals.add(InvalidField.__name__)
            page = replace(page, problem=_refused(invalid, words))
            return await _show(request, page, InvalidField.status)
        except Refusal as refusal:
            note(request, refusal)
            problem = _sentence(refusal, words)
            response = await _show(request, replace(page, problem=problem), refusal.status)
            response.headers.update(refusal.headers)
            await even_out(request, refusal)
            return response
        if form.then is not None:
            return await _show(request, _filled(form.then, values), 200)
        return await run_in_threadpool(show_done, request, page.name, form.done_links)

    return act


async def _show(request: Request, page: Page, status: int) -> Response:
    """Write the page on a thread: the first one imports Jinja."""
    return await run_in_threadpool(show, request, page, status)


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields that have a value. Anything that is no form has none."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        return {}
    body = await StrictRequest(request.scope, request.receive).body()
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return dict(pairs)


def _filled(page: Page, values: Mapping[str, str]) -> Page:
    return replace(page, fields=[_kept(one, values) for one in page.fields])


def _kept(field: Field, values: Mapping[str, str]) -> Field:
    """Return the field with what was typed, but for a password."""
    typed = "" if field.type == "password" else values.get(field.name, "")
    return replace(field, value=typed[: field.longest])


def _refused(invalid: ValidationError, words: Mapping[str, str]) -> str:
    """Return the sentence of a form that is refused, with the labels of its bad fields."""
    named = [str(error["loc"][0]) for error in invalid.errors() if error["loc"]]
    labels = ", ".join(words[name] for name in named if name in {"email", "code", "new_password"})
    return f"{labels}: {words['refused']}" if labels else words["refused"]


def _sentence(refusal: Refusal, words: Mapping[str, str]) -> str:
    if isinstance(refusal, InvalidField):
        return " ".join(words.get(str(one["type"]), str(one["msg"])) for one in refusal.errors)
    return words.get(refusal.code, words["refused"])


for path, form in FORMS.items():
    router.add_api_route(path, _shows(form), methods=["GET"])
    router.add_api_route(form.page.action, _acts(form), methods=["POST"])


@router.get("/pages/style.css")
def style(request: Request) -> Response:
    return cacheable(request, (HERE / "style.css").read_bytes(), media_type="text/css")
