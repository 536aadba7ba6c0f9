# ruff: noqa: RUF001 - letters that look alike are part of this
"""Which new passwords are accepted, each rule by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authapi.errors import InvalidField
from authapi.services.accounts.names import canonical
from authapi.services.accounts.password_rules import (
    _common_passwords,
    is_common,
    require_acceptable_password,
)

EMAIL = "Mary.Shelley+books@example.org"
USERNAME = "the_creature"


def _kind(password: str, email: str = EMAIL, username: str | None = USERNAME) -> str | None:
    try:
        require_acceptable_password(password, field="new_password", email=email, username=username)
    except InvalidField as refusal:
        return str(refusal.errors[0]["type"])
    return None


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "aaaa bbbb cccc dddd",
        "onlylowercaseletters",
        "ONLYCAPITALLETTERSHERE",
        "8302715946",
        "正確馬電池釘書針",
        "🦄🐎🔋📎🦄🐎🔋📎",
        "\U0001f40e" * 64,
        "        spaces        ",
        " leading and trailing ",
        "pässwörd mit ümlaut",
        "a\u200db\u200dc\u200dd\u200d",
        "x" * 8 + "q",
        "x9" * 32,
        "x9" * 64,
        "x9" * 128,
        "'; drop table users; --",
    ],
)
def test_any_characters_make_a_password(password: str) -> None:
    assert _kind(password) is None


@pytest.mark.parametrize("password", ["", "x", "kd82hf7", "é" * 7, "🦄" * 7, "e\u0301" * 7])
def test_fewer_than_eight_characters_are_too_few(password: str) -> None:
    assert _kind(password) == "password_too_short"


@pytest.mark.parametrize("password", ["kd82hf7s", "éaéaéaéa", "🦄🐎🔋📎🦄🐎🔋📌"])
def test_eight_characters_are_enough(password: str) -> None:
    assert _kind(password) is None


@pytest.mark.parametrize("password", ["x9" * 128 + "x", "é" * 257, "x" * 1025, "x" * 1_000_000])
def test_more_than_256_characters_are_too_many(password: str) -> None:
    assert _kind(password) == "password_too_long"


def test_a_composed_character_counts_once() -> None:
    assert _kind("e\u0301" * 256) is None
    assert _kind("a\u0302\u0301" * 256) is None


@pytest.mark.parametrize("character", ["\0", "\n", "\t", "\x7f", "\x85", "\ud800"])
def test_control_characters_are_refused(character: str) -> None:
    assert _kind(f"correct horse{character} battery") == "control_characters"


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord",
        "ｐａｓｓｗｏｒｄ",
        "12345678",
        "qwertyuiop",
        "iloveyou1",
        "trustno1",
        "baseball",
        "superman",
        "passw0rd",
        "letmein1",
        "1qaz2wsx",
        "11111111",
        "football",
        "princess",
        "sunshine",
        "!qaz2wsx",
    ],
)
def test_a_common_password_is_refused_in_any_case_and_form(password: str) -> None:
    assert _kind(password) == "password_too_common"


def test_the_list_is_whole_and_in_the_form_that_is_compared() -> None:
    begin, *listed, end = _common_passwords().split("\n")
    assert (begin, end) == ("", "")
    assert len(listed) == 21_651
    assert listed == sorted(set(listed))
    assert all(len(word) >= 8 and canonical(word) == word for word in listed)


def test_a_part_of_a_common_password_is_not_common() -> None:
    assert not is_common("assword")
    assert not is_common("qwertyuio\nqwertyuiop")
    assert not is_common("")


@pytest.mark.parametrize(
    "password",
    [
        EMAIL,
        EMAIL.upper(),
        EMAIL + "1",
        "mary.shelley+books",
        "mary.shelley",
        "MaryShelley",
        "maryshelley1818",
        "1818maryshelley",
        "Mary-Shelley!!",
        "!!Mary Shelley 2024",
        "ｍａｒｙshelley",
        "m.a.r.y.s.h.e.l.l.e.y",
        "mary...shelley",
        "the_creature",
        "TheCreature",
        "thecreature#1",
        "2024: the creature",
        "authapi1",
        "AuthApi!",
        "auth-api-2024",
        "authapi£",
    ],
)
def test_the_users_own_name_is_refused(password: str) -> None:
    assert _kind(password) == "password_is_own_name"


@pytest.mark.parametrize(
    "password",
    [
        "maryshelley wrote it",
        "shelley frankenstein",
        "the creature's name",
        "authapi is a service",
        "mary shelley 🦄",
    ],
)
def test_a_password_that_says_more_than_the_name_is_accepted(password: str) -> None:
    assert _kind(password) is None


def test_names_that_hold_digits_or_nothing_else() -> None:
    assert _kind("mike77!!", email="mike77@example.org") == "password_is_own_name"
    assert _kind("mike1984", email="mike77@example.org") == "password_is_own_name"
    assert _kind("83027159", email="83027159@example.org") == "password_is_own_name"
    assert _kind("8302-7159!", email="83027159@example.org") == "password_is_own_name"
    assert _kind("83027150", email="83027159@example.org") is None
    assert _kind("🦄🐎🔋📎🦄🐎🔋📎", username="🦄🐎🔋📎🦄🐎🔋📎") == "password_is_own_name"


def test_a_name_of_a_letter_or_two_is_not_looked_for_between_digits() -> None:
    assert _kind("x8302715946", email="x@example.org") is None
    assert _kind("bob83027159", email="bob@example.org") == "password_is_own_name"


def test_an_account_without_a_username_has_no_such_rule() -> None:
    assert _kind("the_creature", username=None) is None
    assert _kind("!!!???!!!", username=None) is None


def test_the_name_is_compared_in_the_accounts_own_form() -> None:
    assert _kind("straße-99", email="STRASSE@example.org") == "password_is_own_name"


@pytest.mark.parametrize(
    "password", ["sécret!", "iloveyou", "maryshelley1", "secret\0", "x9" * 200]
)
def test_a_refusal_names_the_field_and_never_repeats_the_password(password: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        require_acceptable_password(password, field="new_password", email=EMAIL, username=None)
    assert refusal.value.errors[0]["loc"] == ["body", "new_password"]
    assert password not in f"{refusal.value} {refusal.value.errors}"


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_password_is_accepted_or_refused(password: str) -> None:
    assert _kind(password) in (
        None,
        "control_characters",
        "password_too_short",
        "password_too_long",
        "password_too_common",
        "password_is_own_name",
    )
