"""A space after an address, or what can't be seen around it, is nobody's other account.

Kind: canonical forms end too early. A telephone's keyboard adds a space after a suggestion. A name
that is copied brings a byte order mark, a zero-width space or a mark of direction.
"""

from typing import Any, get_type_hints

import pytest

from authapi.services.accounts.names import trimmed
from authapi.web import schemas
from tests.support.api import PASSWORD, Api
from tests.support.service import Service

BLANKS = {
    "a space": " ",
    "several spaces": "   ",
    "a no-break space": "\u00a0",
    "a narrow no-break space": "\u202f",
    "an ideographic space": "\u3000",
    "a line separator": "\u2028",
    "a zero-width space": "\u200b",
    "a zero-width joiner": "\u200d",
    "a word joiner": "\u2060",
    "a byte order mark": "\ufeff",
    "a soft hyphen": "\u00ad",
    "marks of direction": "\u202a\u200e\u2068",
    "a variation selector": "\ufe0f",
    "a filler": "\u3164",
    "a blank of Braille": "\u2800",
    "all kinds": "\ufeff \u00a0\u200b",
}
around = pytest.mark.parametrize("blank", BLANKS.values(), ids=BLANKS.keys())


@around
def test_a_log_in_finds_the_account_whatever_is_around_its_name(
    service: Service, blank: str
) -> None:
    for name in ({"email": "ada@example.com"}, {"username": "ada"}):
        typed = {field: f"{blank}{value}{blank}" for field, value in name.items()}
        service.api.expect(200, "POST", "/login", json={**typed, "password": PASSWORD})


def test_what_is_around_a_name_is_not_kept(api: Api) -> None:
    typed = " ".join(BLANKS.values())
    profile = api.register(f"{typed}Eve@Example.com{typed}", username=f"{typed}Eve E.{typed}")
    assert (profile["email"], profile["username"]) == ("Eve@Example.com", "Eve E.")
    bearer = api.login("eve@example.com").bearer
    changed = {"username": f"{typed}Eve{typed}"}
    answer = api.expect(200, "PATCH", "/me", headers=bearer, json=changed)
    assert answer.json()["username"] == "Eve"


@around
def test_nobody_gets_a_second_account_by_what_is_around_a_name(
    service: Service, blank: str
) -> None:
    for body in (
        {"email": f"ada@example.com{blank}"},
        {"email": "eve@example.com", "username": f"{blank}ada"},
    ):
        service.api.expect(409, "POST", "/register", json={**body, "password": PASSWORD})


@pytest.mark.parametrize("name", ["ad\u200ba", "a\u00add", "a  d"])
def test_what_is_inside_a_name_is_refused_as_before(service: Service, name: str) -> None:
    body = {"email": "eve@example.com", "username": name, "password": PASSWORD}
    service.api.expect(422, "POST", "/register", json=body)


@pytest.mark.parametrize("control", ["\t", "\n", "\r\n", "\0", "\x85", "\x1b"])
def test_a_control_character_around_a_name_is_refused(service: Service, control: str) -> None:
    for body in ({"email": f"ada@example.com{control}"}, {"username": f"{control}ada"}):
        service.api.expect(422, "POST", "/login", json={**body, "password": PASSWORD})


def test_a_password_keeps_what_is_around_it(api: Api) -> None:
    api.register("eve@example.com", password=f" {PASSWORD}\u00a0")
    api.login("eve@example.com", password=f" {PASSWORD}\u00a0")
    body = {"email": "eve@example.com", "password": PASSWORD}
    api.expect(401, "POST", "/login", json=body)


def test_nothing_but_blanks_is_no_name(service: Service) -> None:
    typed = "".join(BLANKS.values())
    assert trimmed(typed) == ""
    service.api.expect(401, "POST", "/login", json={"email": typed, "password": PASSWORD})
    service.api.expect(422, "POST", "/register", json={"email": typed, "password": PASSWORD})


def test_every_body_takes_its_names_so() -> None:
    """A new route must not take a name as plain text."""
    bodies: list[Any] = schemas.Body.__subclasses__()
    names = {
        (body.__name__, field): get_type_hints(body, include_extras=True)[field]
        for body in bodies
        for field in body.model_fields
        if field in {"email", "username"}
    }
    assert len(names) >= 5
    assert {
        name for name, kind in names.items() if kind not in (schemas.Name, schemas.Name | None)
    } == set()
