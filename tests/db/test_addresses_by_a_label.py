"""Migration 0006: stored addresses are compared by the A-label of their domain."""

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from authapi.db import migrations
from authapi.services.accounts.names import canonical, canonical_email
from tests.support.logging import captured
from tests.support.until import until

BEFORE = ScriptDirectory(str(Path(__file__).parents[2] / "alembic")).get_revision("0006")
PREVIOUS = str(BEFORE.down_revision)
INSERT = (
    "INSERT INTO users (id, email, email_canonical, username, password_hash, scopes, created_at)"
    " VALUES (:id, :email, :email_canonical, :username, '', '', :created_at)"
)
only_postgresql = pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)


def row(number: int, email: str) -> dict[str, Any]:
    form, user_id = canonical(email), f"user-{number}"
    names = {"id": user_id, "email": email, "email_canonical": form, "username": user_id}
    return {**names, "created_at": float(number)}


def add(url: str, *emails: str) -> None:
    """Add accounts as the release before did; the first one is the oldest."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for number, email in enumerate(emails):
            connection.execute(text(INSERT), row(number, email))
    engine.dispose()


def forms(url: str) -> dict[str, str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, email_canonical FROM users ORDER BY id"))
        found = {str(row.id): str(row.email_canonical) for row in rows}
    engine.dispose()
    return found


@pytest.fixture
def old_url(empty_url: str) -> str:
    migrations.upgrade(empty_url, PREVIOUS)
    return empty_url


EMAILS = (
    *("ada@example.org", "Bob@BÜCHER.example", "eve@faß.example", "eve@例え。jp"),
    *("jörg@example.org", "kim@example。org", "lea@xn--fa-hia.example"),
)


def test_it_compares_as_this_release_does(old_url: str) -> None:
    add(old_url, *EMAILS)
    migrations.upgrade(old_url, "0006")
    assert list(forms(old_url).values()) == [canonical_email(email) for email in EMAILS]


def test_it_says_nothing_where_no_two_accounts_share_an_address(old_url: str) -> None:
    add(old_url, *EMAILS)
    with captured("json") as log:
        migrations.upgrade(old_url, "0006")
    assert log.text == ""


def test_going_down_compares_as_before(old_url: str) -> None:
    add(old_url, *EMAILS)
    before = forms(old_url)
    migrations.upgrade(old_url, "0006")
    migrations.downgrade(old_url, PREVIOUS)
    assert forms(old_url) == before


def test_a_form_that_is_freed_is_free_for_the_other(old_url: str) -> None:
    """`faß` held the form of `fass`, which the other one could only have with another dot."""
    add(old_url, "ada@faß.example", "ada@fass。example")
    migrations.upgrade(old_url, "0006")
    assert forms(old_url) == {
        "user-0": "ada@xn--fa-hia.example",
        "user-1": "ada@fass.example",
    }


SHARED = (
    "ada@bücher。example",
    "ada@bücher.example",
    "ada@xn--bcher-kva.example",
    "eve@example.org",
)


def test_of_accounts_that_share_an_address_all_stay_and_the_log_names_their_ids(
    old_url: str,
) -> None:
    add(old_url, *SHARED)
    with captured("json") as log:
        migrations.upgrade(old_url, "0006")
    found = forms(old_url)
    assert found["user-2"] == "ada@xn--bcher-kva.example"  # typed in ASCII: it had the form before
    assert found["user-3"] == "eve@example.org"
    assert len(set(found.values())) == 4
    assert log.event("addresses_shared")["user_ids"] == [
        {"found": "user-2", "not_found": "user-0"},
        {"found": "user-2", "not_found": "user-1"},
    ]
    assert "ada@" not in log.text
    assert "bcher" not in log.text


def test_of_two_that_were_typed_in_unicode_the_older_one_is_found(old_url: str) -> None:
    add(old_url, *SHARED[:2])
    migrations.upgrade(old_url, "0006")
    assert forms(old_url)["user-0"] == "ada@xn--bcher-kva.example"


def test_accounts_that_shared_an_address_go_down_too(old_url: str) -> None:
    add(old_url, *SHARED)
    before = forms(old_url)
    migrations.upgrade(old_url, "0006")
    migrations.downgrade(old_url, PREVIOUS)
    assert forms(old_url) == before


@only_postgresql
def test_a_registration_at_that_moment_stops_nothing(old_url: str) -> None:
    """It holds the form that the migration is about to give, and is not committed yet."""
    add(old_url, "ada@bücher.example")
    url = old_url.replace("postgresql+psycopg://", "postgresql://")
    migrated = threading.Thread(target=migrations.upgrade, args=(old_url, "0006"))
    with psycopg.connect(url) as registering, psycopg.connect(url, autocommit=True) as watching:
        registering.execute(
            "INSERT INTO users (id, email, email_canonical, password_hash, scopes, created_at)"
            " VALUES ('new', 'x', 'ada@xn--bcher-kva.example', '', '', 9)"
        )
        migrated.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        until(lambda: watching.execute(waiting).fetchone() == (1,))
        registering.commit()
    migrated.join(30)
    assert forms(old_url) == {
        "new": "ada@xn--bcher-kva.example",
        "user-0": "ada@xn--bcher-kva.example user-0",
    }
