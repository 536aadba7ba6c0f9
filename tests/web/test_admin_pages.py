"""The list of accounts: its order, its cursors, and what `q` finds."""

from typing import Any

import pytest

from authapi.db import pages
from tests.support.administration import Admin, account
from tests.support.api import Api
from tests.support.clock import TestClock

NAMES = ("ada", "grace", "edsger", "barbara", "alan")


@pytest.fixture
def admin(api: Api, clock: TestClock) -> Admin:
    """Make an administrator first, then an account for each name, the last one the newest."""
    admin = Admin(api)
    for name in NAMES:
        clock.advance(1)
        account(api, f"{name}@Example.com", username=f"{name}-of-old")
    return admin


@pytest.fixture
def looks_at_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LOOKED_AT", 2)


def names(users: list[dict[str, Any]]) -> list[str]:
    return [user["email"].partition("@")[0] for user in users]


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 100])
def test_the_pages_have_every_account_once_the_newest_first(admin: Admin, limit: int) -> None:
    assert names(admin.users(limit=limit)) == [*reversed(NAMES), "root"]


def test_a_new_account_shifts_no_page(api: Api, admin: Admin) -> None:
    first = admin.expect(200, "GET", "/users", params={"limit": 2})
    account(api, "new@example.com")
    rest = admin.users(cursor=first["next_cursor"])
    assert names(first["users"] + rest) == [*reversed(NAMES), "root"]


def test_accounts_that_were_made_at_one_moment_are_each_there(api: Api, admin: Admin) -> None:
    ids = {account(api, f"same-{number}@example.com") for number in range(5)}
    assert {user["id"] for user in admin.users(limit=2, q="same-")} == ids


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("ADA@example.COM", ["ada"]),
        ("grace-of-old", ["grace"]),
        ("a-of-o", ["barbara", "ada"]),
        ("grac", ["grace"]),
        ("@example.com", [*reversed(NAMES), "root"]),
        ("-OF-", [*reversed(NAMES)]),
        ("%", []),
        ("a_a", []),
        ("nobody", []),
        ("ⓐⓓⓐ", ["ada"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 100])
def test_a_text_is_found_in_address_and_username(
    admin: Admin, q: str, found: list[str], limit: int
) -> None:
    assert names(admin.users(q=q, limit=limit)) == found


def test_the_beginning_of_an_id_is_found(admin: Admin) -> None:
    (grace,) = admin.users(q="grace@")
    assert grace in admin.users(q=grace["id"][:12])
    assert admin.users(q=grace["id"])[0] == grace


@pytest.mark.parametrize("q", ["bücher.example", "@BÜCHER.example", "frau@bücher.example", "xn--b"])
def test_a_domain_is_found_as_it_is_written(api: Api, admin: Admin, q: str) -> None:
    account(api, "frau@bücher.example")
    assert names(admin.users(q=q)) == ["frau"]


@pytest.mark.usefixtures("looks_at_two")
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_search_goes_on_over_short_pages(admin: Admin, limit: int) -> None:
    first = admin.expect(200, "GET", "/users", params={"q": "da@", "limit": limit})
    assert (first["users"], first["next_cursor"] is None) == ([], False)
    assert names(admin.users(q="da@e", limit=limit)) == ["ada"]
    assert names(admin.users(q="a", limit=limit)) == [*reversed(NAMES), "root"]


@pytest.mark.usefixtures("looks_at_two")
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_the_account_that_is_named_comes_first_and_once(api: Api, admin: Admin, limit: int) -> None:
    account(api, "ada@example.com.example")
    first = admin.expect(200, "GET", "/users", params={"q": "ada@example.com", "limit": limit})
    assert names(first["users"])[0] == "ada"
    assert len(admin.users(q="ada@example.com", limit=limit)) == 2


@pytest.mark.parametrize("limit", [1, 100])
def test_disabled_accounts_are_listed_apart(admin: Admin, limit: int) -> None:
    for name in ("grace", "barbara"):
        (user,) = admin.users(q=f"{name}@")
        admin.change(user["id"], disabled=True)
    assert names(admin.users(disabled=True, limit=limit)) == ["barbara", "grace"]
    assert names(admin.users(disabled=True, q="grace@example.com")) == ["grace"]
    assert names(admin.users(disabled=False, limit=limit)) == ["alan", "edsger", "ada", "root"]
    assert names(admin.users(disabled=False, q="grace@example.com")) == []


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"cursor": "x"}, {"disabled": "maybe"}),
        *({"q": "x" * 255}, {"q": "\0"}, {"cursor": "A" * 40}),
        *({"limit": "1_0"}, {"limit": "1.0"}, {"limit": " 1"}),  # pydantic takes them
    ],
)
def test_a_senseless_question_for_accounts_is_refused(
    admin: Admin, query: dict[str, object]
) -> None:
    admin.expect(422, "GET", "/users", params=query)
