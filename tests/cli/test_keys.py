"""`authapi keys …`: what the operator sees of the keys, and does to them."""

import re

import pytest

from authapi.crypto.signing_keys import generate
from tests.cli.conftest import Authapi
from tests.support.databases import sqlite_only
from tests.support.settings import SECRET

DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

pytestmark = [pytest.mark.usefixtures("configured"), sqlite_only]


def rows(authapi: Authapi) -> list[list[str]]:
    return [line.split("\t") for line in authapi("keys", "list").output.splitlines()]


@pytest.fixture
def kid(authapi: Authapi) -> str:
    """The key that signs."""
    assert authapi("keys", "rotate", "--now").status == 0
    return rows(authapi)[0][0]


def test_the_list_shows_name_algorithm_state_and_dates(authapi: Authapi, kid: str) -> None:
    authapi("keys", "rotate", "--now")
    [new, old] = rows(authapi)
    assert new[1:3] == ["ES256", "active"]
    assert old[:3] == [kid, "ES256", "retired"]
    patterns = ("created {}", "signs from {}", "until {}, verifies until {}")
    for text, pattern in zip(old[3:], patterns, strict=True):
        assert re.fullmatch(pattern.format(DATE, DATE), text)


def test_a_rotation_says_which_key_signs_from_when(authapi: Authapi, kid: str) -> None:
    outcome = authapi("keys", "rotate", "--now")
    new = rows(authapi)[0][0]
    assert outcome.status == 0
    assert f"The key {new} (ES256) signs from " in outcome.output


def test_a_second_rotation_is_refused_with_a_sentence(authapi: Authapi, kid: str) -> None:
    assert authapi("keys", "rotate").status == 0
    assert "--now" in authapi("keys", "rotate").errors.splitlines()[-1]


def test_a_compromised_key_and_its_replacement_are_named(authapi: Authapi, kid: str) -> None:
    outcome = authapi("keys", "compromised", kid)
    replacement = rows(authapi)[0][0]
    assert outcome.output.startswith(f"The key {kid} verifies nothing any more.\n")
    assert f"The key {replacement} signs from " in outcome.output
    assert [row[2] for row in rows(authapi)][-1] == "compromised"


def test_a_key_that_is_not_there_is_refused_with_a_sentence(authapi: Authapi, kid: str) -> None:
    assert "nobody" in authapi("keys", "compromised", "nobody").errors


def test_resealing_says_how_many(
    authapi: Authapi, kid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_SECRET", f"a newer secret for tests that is as long,{SECRET}")
    assert authapi("keys", "reseal").output == "1 key(s) and 0 TOTP secret(s) sealed anew.\n"
    assert authapi("keys", "reseal").output == "0 key(s) and 0 TOTP secret(s) sealed anew.\n"


def test_no_name_of_a_key_can_be_taken_for_an_option() -> None:
    assert not any(generate("HS256").kid.startswith("-") for _ in range(1000))


def test_migrate_leaves_a_database_that_serve_can_use(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTHAPI_SECRET")
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", "sqlite:///new.db")
    authapi("migrate")
    assert authapi("keys", "rotate", "--now").status == 0
