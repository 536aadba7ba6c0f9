"""A server-rendered site without a line of JavaScript: log-in, dashboard, a cart, log-out.

The transport is `session`, or `cookie` where the environment has TRANSPORT=cookie: then staying.py
refreshes. cart.py keeps data of the site's own for a session. Links of mails open authapi's own
pages, below /auth, and so does "Forgot your password?".
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated, Any

import uvicorn
from cart import Carts, follow
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from staying import KEY, StayLoggedIn, set_key

from authapi import create_app
from authapi.config import Settings
from authapi.verifier import Claims
from authapi.web.site import Form, Pages, safe_next

HERE = Path(__file__).parent
PORT = int(os.environ.get("PORT", "8002"))
SITE = f"http://localhost:{PORT}"
MAIL_SENT = "A mail is on its way. Open its link, then log in."
TRANSPORT = os.environ.get("TRANSPORT", "session")  # or cookie
ITEMS = ("Almanac 2027", "Pocket calendar", "Moon chart")

settings = Settings(public_url=f"{SITE}/auth")
auth = create_app(settings)
pages = Pages(auth, login="/login")
carts = Carts(settings.refresh_idle_ttl)
MAIL_NOTICES = {
    "sent": "A new mail is on its way. The link of the one before no longer works.",
    "later": "No mail was sent: there were too many. Try again in an hour.",
}
Reader = Annotated[Claims, Depends(pages.subject)]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with auth.router.lifespan_context(auth):  # a mounted application's is its host's to run
        following = asyncio.create_task(follow(auth, carts))
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


app = FastAPI(title="Pages", lifespan=lifespan, openapi_url=None)
if TRANSPORT == "cookie":
    app.add_middleware(StayLoggedIn, pages=pages)
app.mount("/auth", auth)
app.mount("/static", StaticFiles(directory=HERE / "static"))


@app.get("/")
async def home() -> Response:
    return RedirectResponse("/dashboard", 303)


@app.get("/login")
async def login_page(next: str = "/dashboard") -> Response:  # noqa: A002 - its name in the address
    return page("login", "Log in", next=safe_next(next), email="", problem="")


@app.post("/login")
async def log_in(request: Request, form: Form) -> Response:
    email, password = form.get("email", ""), form.get("password", "")
    goal = safe_next(form.get("next"), "/dashboard")
    if form.get("do") == "register":
        body = {"email": email, "password": password}
        answer = await pages.ask(request, "POST", "/register", body)
        if answer.status == 202:  # AUTHAPI_REGISTRATION_CONFIRMS_EMAIL
            return page("login", "Log in", next=goal, email=email, problem=MAIL_SENT)
        if answer.status != 201:
            return again(answer.status, answer.json, email, goal)
    body = {"email": email, "password": password, "transport": TRANSPORT}
    answer = await pages.ask(request, "POST", "/login", body)
    if answer.status != 200:
        return again(answer.status, answer.json, email, goal)
    response = RedirectResponse(goal, 303)
    answer.hand_cookies_to(response)
    if TRANSPORT == "cookie":
        set_key(response)
    return response


def again(status: int, refusal: dict[str, Any], email: str, goal: str) -> Response:
    """The form once more, with what is wrong."""
    sentences = {"invalid_credentials": "The e-mail address or the password is wrong."}
    problem = sentences.get(refusal["error"], refusal["error_description"])
    if refusal["error"] == "validation_error":
        problem = f"{refusal['errors'][0]['msg'].rstrip('.')}."
    return page("login", "Log in", status, next=goal, email=email, problem=problem)


@app.get("/dashboard")
async def dashboard(request: Request, reader: Reader, mail: str = "") -> Response:
    profile = (await pages.ask(request, "GET", "/me")).json
    sessions = (await pages.ask(request, "GET", "/sessions")).json
    csrf_token = pages.csrf_token(reader)
    devices = "".join(
        fragment(
            "this_device" if session["current"] else "device",
            id=session["id"],
            agent=device_name(session["user_agent"] or ""),
            used=shown(session["last_used_at"]),
            csrf_token=csrf_token,
        )
        for session in sorted(sessions, key=lambda session: not session["current"])
    )
    unverified = (
        ""
        if profile["email_verified"]
        else fragment(
            "unverified",
            email=profile["email"],
            notice=MAIL_NOTICES.get(mail, ""),
            csrf_token=csrf_token,
        )
    )
    return page(
        "dashboard",
        "Dashboard",
        raw={"cart": cart(reader.sid, csrf_token), "devices": devices, "unverified": unverified},
        email=profile["email"],
        since=shown(profile["created_at"]),
        csrf_token=csrf_token,
    )


def cart(sid: str, csrf_token: str) -> str:
    """The cart of this log-in."""
    counts = carts.of(sid)
    return fragment(
        "cart",
        {
            "items": "".join(
                fragment("cart_item", item=name, count=str(counts[name]), csrf_token=csrf_token)
                for name in ITEMS
            )
        },
    )


@app.post("/cart")
async def add_to_cart(reader: Reader, form: Form) -> Response:
    if (item := form.get("item")) in ITEMS:
        carts.add(reader.sid, item)
    return RedirectResponse("/dashboard", 303)


@app.post("/mail-again", dependencies=[Depends(pages.subject)])
async def send_again(request: Request) -> Response:
    profile = (await pages.ask(request, "GET", "/me")).json
    body = {"email": profile["email"]}
    answer = await pages.ask(request, "POST", "/email/verify/resend", body)
    return RedirectResponse(f"/dashboard?mail={'sent' if answer.status == 202 else 'later'}", 303)


@app.post("/devices/{session_id}/sign-out")
async def sign_out(session_id: str, request: Request, form: Form) -> Response:
    token = form.get("csrf_token", "")
    await pages.ask(request, "DELETE", f"/sessions/{session_id}", csrf_token=token)
    return RedirectResponse("/dashboard", 303)


@app.post("/logout")
async def log_out(request: Request, form: Form) -> Response:
    answer = await pages.ask(request, "POST", "/logout", csrf_token=form.get("csrf_token", ""))
    response = RedirectResponse("/dashboard" if answer.status == 403 else "/login", 303)
    answer.hand_cookies_to(response)
    if answer.status != 403:
        response.delete_cookie(KEY)
    return response


def page(
    name: str, title: str, status: int = 200, raw: dict[str, str] | None = None, **fields: str
) -> HTMLResponse:
    """A template in the layout. Every field is escaped, but for the HTML in `raw`."""
    content = fragment(name, raw, **fields)
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'",
        # Not no-referrer: browsers would then send a form with `Origin: null`, which is foreign.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    html = fragment("layout", {"content": content}, title=title)
    return HTMLResponse(html, status, headers)


def fragment(name: str, raw: dict[str, str] | None = None, **fields: str) -> str:
    template = Template((HERE / "templates" / f"{name}.html").read_text(encoding="utf-8"))
    return template.substitute({key: escape(text) for key, text in fields.items()} | (raw or {}))


def device_name(user_agent: str) -> str:
    def first(*names: str) -> str:
        return next((name for name in names if name in user_agent), "")

    browser = first("Edg", "Firefox", "Chrome", "Safari", "curl") or "A device"
    system = first("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
    return f"{browser} on {system}" if system else browser


def shown(timestamp: str) -> str:
    return datetime.fromisoformat(timestamp).strftime("%d %B %Y, %H:%M UTC").lstrip("0")


if __name__ == "__main__":
    print(f"Open {SITE} (not 127.0.0.1: authapi takes log-ins from its own origin only)")
    uvicorn.run(app, port=PORT, access_log=False, proxy_headers=False)
