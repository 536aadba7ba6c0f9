"""What ASVS V6 asks of passwords and accounts, and no other test shows."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import select

import authapi
from authapi.db.database import Database
from authapi.db.models import Model, OutboxMail, User
from tests.support.api import Api
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

DAY = 86400
SOURCES = sorted(Path(authapi.__file__).parent.rglob("*.py"))
# Pauses and request ids: nobody gains anything who knows the next one.
HARMLESS = {"uniform", "getrandbits"}


@pytest.mark.parametrize("password", ["long phrase " * 21, "🔑🦄" * 32, "b" * 63 + "c"])
def test_a_password_of_64_to_256_characters_logs_in(api: Api, password: str) -> None:
    """ASVS 6.2.9."""
    api.register(password=password)
    assert api.login(password=password)
    body = {"email": "ada@example.com", "password": password[:-1]}
    assert api.client.post("/login", json=body).status_code == 401


@sqlite_only
def test_a_password_never_expires(api: Api, clock: TestClock) -> None:
    """ASVS 6.2.10."""
    api.register()
    clock.advance(1000 * DAY)
    assert api.login()


def test_a_new_database_has_no_account(api: Api, db: Database) -> None:
    """ASVS 6.3.2."""
    api.expect(200, "GET", "/readyz")
    with db.connect() as connection:
        assert not connection.scalars(select(User.id)).all()
    for name in ("admin", "root", "authapi"):
        for password in ("admin", "password", name):
            body = {"username": name, "password": password}
            assert api.client.post("/login", json=body).status_code == 401


def test_no_hint_and_no_secret_question_is_stored() -> None:
    """ASVS 6.4.2."""
    columns = {column.name for table in Model.metadata.tables.values() for column in table.columns}
    words = {word for column in columns for word in column.split("_")}
    assert words.isdisjoint({"hint", "hints", "question", "answer", "reminder"})


@pytest.mark.parametrize("body", [{}, {"password": "none of these is right"}])
def test_a_change_of_address_needs_the_password(
    api: Api, db: Database, body: dict[str, str]
) -> None:
    """ASVS 7.5.1."""
    tokens = api.register_and_login()
    wanted = {"email": "thief@evil.example", **body}
    answer = api.client.post("/me/email", json=wanted, headers=tokens.bearer)
    assert answer.status_code == (403 if body else 422)
    with db.connect() as connection:
        kinds = set(connection.scalars(select(OutboxMail.kind)))
    assert kinds == {"verify_email"}  # of the registration


@sqlite_only
@pytest.mark.parametrize("path", ["/password/reset", "/password/reset?token=" + "A" * 55])
def test_a_password_field_hides_what_is_typed_and_takes_what_is_pasted(api: Api, path: str) -> None:
    """ASVS 6.2.6, 6.2.7."""
    page = api.expect(200, "GET", path).text
    assert 'name="new_password" type="password" autocomplete="new-password"' in page
    assert "<script" not in page
    assert "onpaste" not in page


def test_secrets_come_from_the_systems_generator_alone() -> None:
    """ASVS 6.5.3, 7.2.3: `random` serves only for what is no secret, and no secret is a UUID."""
    imported = {
        name.name
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in {"random", "uuid"}
        for name in node.names
    }
    modules = {
        name.name
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert imported <= HARMLESS
    assert modules.isdisjoint({"random", "uuid", "numpy"})
