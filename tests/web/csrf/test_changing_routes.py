"""A request that changes state by a cookie must come from our own pages (docs/transports.md)."""

import httpx
import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.cookies import set_cookies
from tests.support.database_contents import contents
from tests.support.foreign import FOREIGN, NOT_FOREIGN, OURS, PUBLIC_URL
from tests.support.operations import DOCUMENT
from tests.support.service import Service
from tests.support.transports import COOKIE_TRANSPORTS, TRANSPORTS, Holder
from tests.web.csrf.routes import (
    CHANGING,
    EACH,
    LET_THROUGH,
    SUCCESS,
    body_for,
    require_refused,
    send,
    user_id_of,
)


@EACH
def test_what_comes_from_elsewhere_changes_nothing(
    service: Service, user: str, name: str, transport: str
) -> None:
    holder = Holder(service.api, transport).log_in(user)
    before = contents(service.api.app.state.runtime.db)
    for source, headers in FOREIGN.items():
        for token in (holder.csrf_token, None):
            require_refused(send(holder, name, headers, token), source)
    assert contents(service.api.app.state.runtime.db) == before
    assert holder.is_in()


@EACH
def test_without_the_sessions_own_token_nothing_changes(
    service: Service, user: str, name: str, transport: str
) -> None:
    holder = Holder(service.api, transport).log_in(user)
    other = Holder(service.api, transport).log_in(user)
    own = str(holder.csrf_token)
    wrong: dict[str, list[str]] = {
        "none": [],
        "empty": [""],
        "wrong": ["x" * len(own)],
        "not ASCII": ["\xff"],
        "another session's": [str(other.csrf_token)],
        "the sid": [holder.sid],
        "cut": [own[:-1]],
        "longer": [own + "A"],
        "twice": [own, own],
        "own and another's": [own, str(other.csrf_token)],
        "a list": [f"{own}, {other.csrf_token}"],
    }
    before = contents(service.api.app.state.runtime.db)
    for about, tokens in wrong.items():
        for source in NOT_FOREIGN.values():
            require_refused(send(holder, name, source, *tokens), about)
    assert contents(service.api.app.state.runtime.db) == before


@pytest.mark.parametrize("source", NOT_FOREIGN)
@EACH
def test_from_our_own_pages_with_its_token_it_works(
    service: Service, user: str, name: str, transport: str, source: str
) -> None:
    holder = Holder(service.api, transport).log_in(user)
    answer = send(holder, name, NOT_FOREIGN[source], holder.csrf_token)
    assert answer.status_code in LET_THROUGH.get(name, SUCCESS), answer.text


FORMS = {
    "a form": ("application/x-www-form-urlencoded", b"password=x&new_password=y"),
    "an upload": ("multipart/form-data; boundary=x", b"--x--"),
    "JSON as text": ("text/plain", None),
    "JSON as text, with a charset": ("text/plain;charset=application/json", None),
    "JSON without a type": (None, None),
    "JSON under another name": ("application/json-patch+json", None),
    "a type in a parameter": ("text/plain; x=application/json", None),
    "an empty form": ("application/x-www-form-urlencoded", b""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
def test_what_a_form_can_send_changes_nothing(
    service: Service, user: str, transport: str, form: str
) -> None:
    holder = Holder(service.api, transport).log_in(user)
    before = contents(service.api.app.state.runtime.db)
    content_type, content = FORMS[form]
    for name in (name for name in (*CHANGING, "POST /login") if name.startswith("POST ")):
        body = {"email": EMAIL, "password": PASSWORD, "transport": transport}
        given = httpx.Request("POST", "http://x", json=body_for(name) or body).content
        # An old browser says nothing about where a form is.
        for source in (FOREIGN["another site"], FOREIGN["null"], []):
            headers = [*holder.jar.header.items(), *source]
            headers += [("Content-Type", content_type)] if content_type else []
            answer = service.client.post(
                name.removeprefix("POST "),
                headers=headers,
                content=given if content is None else content,
            )
            empty_at_login = name == "POST /login" and content == b""
            refused = {401, 403, 415} | ({422} if empty_at_login else set())
            refused |= {400} if (transport, name) == ("session", "POST /refresh") else set()
            assert answer.status_code in refused, (name, answer.text)
            assert set_cookies(answer) == {}
    assert contents(service.api.app.state.runtime.db) == before


@EACH
def test_an_attackers_own_pair_of_cookie_and_token_changes_nothing(
    service: Service, user: str, name: str, transport: str
) -> None:
    victim = Holder(service.api, transport).log_in(user)
    attacker = Holder(service.api, transport).log_in()
    before = contents(service.api.app.state.runtime.db)
    # The victim's cookie is gone, and the attacker's in its place.
    require_refused(send(attacker, name, FOREIGN["another site"], attacker.csrf_token), "alone")
    require_refused(send(victim, name, NOT_FOREIGN["our page"], attacker.csrf_token), "the token")
    for source in (NOT_FOREIGN["our page"], NOT_FOREIGN["no browser"], FOREIGN["a subdomain"]):
        for pairs in ([victim, attacker], [attacker, victim]):
            both = "; ".join(holder.jar.header["Cookie"] for holder in pairs)
            method, _, path = name.partition(" ")
            answer = service.client.request(
                method,
                path.replace("{session_id}", victim.sid),
                headers=[("Cookie", both), ("X-CSRF-Token", str(attacker.csrf_token)), *source],
                json=body_for(name),
            )
            assert answer.status_code in {401, 403}
            if name != "POST /logout":
                assert set_cookies(answer) == {}
    assert contents(service.api.app.state.runtime.db) == before


@pytest.mark.parametrize("name", [name for name in CHANGING if name != "POST /refresh"])
def test_a_bearer_token_needs_none_of_this(service: Service, user: str, name: str) -> None:
    tokens = service.api.login(user)
    method, _, path = name.partition(" ")
    headers = [*tokens.bearer.items(), *FOREIGN["another site"]]
    path = path.replace("{session_id}", tokens.sid)
    path = path.replace("{user_id}", user_id_of(service.api, tokens.sid))
    answer = service.client.request(method, path, headers=headers, json=body_for(name))
    assert answer.status_code in LET_THROUGH.get(name, SUCCESS)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_safe_methods_change_nothing(
    service: Service, user: str, transport: str, method: str
) -> None:
    holder = Holder(service.api, transport).log_in(user)
    before = contents(service.api.app.state.runtime.db)
    for path in DOCUMENT["paths"]:
        holder.send(method, path.replace("{session_id}", holder.sid))
    assert contents(service.api.app.state.runtime.db) == before


def test_the_path_of_the_public_url_is_no_part_of_the_origin() -> None:
    assert PUBLIC_URL.startswith(f"{OURS}/")


def test_every_refusal_is_documented() -> None:
    operations = {
        f"{method.upper()} {path}": operation
        for path, of_path in DOCUMENT["paths"].items()
        for method, operation in of_path.items()
    }
    for name in (*CHANGING, "POST /login", "GET /verify"):
        examples = operations[name]["responses"]["403"]["content"]["application/json"]["examples"]
        assert "CsrfFailed" in examples, name
