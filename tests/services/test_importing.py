"""Imports beside others: the same file twice at once, and people who register meanwhile."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from authapi.db import links
from authapi.db.clock import read_clock
from authapi.db.database import Database
from authapi.db.links import Purpose, StoredLink
from authapi.services.accounts.administration import list_users
from authapi.services.accounts.importing import storing
from authapi.services.accounts.importing.files import Found
from authapi.services.accounts.importing.products import product_of
from authapi.services.accounts.importing.storing import Fate, import_users
from authapi.services.accounts.importing.users import Record
from authapi.services.accounts.usernames import Usernames
from tests.support.api import Api
from tests.support.databases import postgresql_only
from tests.support.together import together

PRODUCT = product_of("authapi", project=None, now=0)


def records(count: int, *, first: int = 0) -> Iterator[Found]:
    for number in range(first, count):
        record = Record(email=f"user{number}@example.com", username=f"user{number}")
        yield f"line {number}", record


def usernames_of(api: Api) -> Usernames:
    usernames: Usernames = api.app.state.runtime.usernames
    return usernames


@postgresql_only
def test_two_imports_at_once_make_each_account_once(api: Api, db: Database) -> None:
    count = 40  # one batch, which the other import waits for

    def run() -> Counter[Fate]:
        outcomes = import_users(db, usernames_of(api), PRODUCT, records(count))
        return Counter(outcome.fate for outcome in outcomes)

    fates = together(run, run)
    assert [each for each in fates if isinstance(each, Exception)] == []
    total = sum((each for each in fates if isinstance(each, Counter)), Counter[Fate]())
    assert total == {Fate.WITHOUT_PASSWORD: count, Fate.ALREADY_HERE: count}
    assert len(list(list_users(db))) == count


def test_somebody_who_registers_meanwhile_keeps_the_account(api: Api, db: Database) -> None:
    """The registration falls between the records of one batch, after the first was read."""

    def interrupted() -> Iterator[Found]:
        yield from records(2)
        api.register("user2@example.com", username="user2")
        api.register("else@example.com", username="user3")
        yield from records(5, first=2)

    outcomes = list(import_users(db, usernames_of(api), PRODUCT, interrupted()))
    assert [outcome.fate for outcome in outcomes] == [
        *[Fate.WITHOUT_PASSWORD] * 2,
        Fate.ALREADY_HERE,
        Fate.REFUSED,
        Fate.WITHOUT_PASSWORD,
    ]
    api.login("user2@example.com")


@postgresql_only
def test_a_name_that_is_taken_while_a_batch_is_written_is_decided_again(
    api: Api, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = storing._decide
    calls = 0

    def then_register(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        outcomes = decide(*arguments)
        if calls == 1:  # on a connection of its own, which commits at once
            api.register("user1@example.com", username="user1")
        return outcomes

    monkeypatch.setattr(storing, "_decide", then_register)
    outcomes = list(import_users(db, usernames_of(api), PRODUCT, records(3)))
    fates = [Fate.WITHOUT_PASSWORD, Fate.ALREADY_HERE, Fate.WITHOUT_PASSWORD]
    assert ([outcome.fate for outcome in outcomes], calls) == (fates, 2)


@postgresql_only
def test_an_account_that_comes_while_the_names_are_looked_up_is_here_and_not_another(
    api: Api, db: Database
) -> None:
    """Looked up apart, its username would be found and its address not: another's username."""
    has_registered = False

    def register(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal has_registered
        if not has_registered and statement.startswith("SELECT users.email_canonical"):
            has_registered = True
            api.register("user0@example.com", username="user0")

    event.listen(db.autocommit_engine, "after_cursor_execute", register)
    [outcome] = import_users(db, usernames_of(api), PRODUCT, records(1))
    assert (has_registered, outcome.fate) == (True, Fate.ALREADY_HERE)


def test_an_address_that_its_owner_may_take_back_is_refused(api: Api, db: Database) -> None:
    account = api.register()
    with db.begin() as tx:
        now = read_clock(tx)
        kept = "user0@example.com"
        link = StoredLink("link", account["id"], Purpose.UNDO, kept, kept, now, now + 60)
        links.add(tx, link)
    [outcome] = import_users(db, usernames_of(api), PRODUCT, records(1))
    assert (outcome.fate, outcome.reason[:43]) == (
        Fate.REFUSED,
        "An account had this e-mail address until la",
    )
