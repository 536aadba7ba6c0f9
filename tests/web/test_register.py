"""POST /register (docs/http.md)."""

import unicodedata

import pytest

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.service import Service


def test_a_registration_answers_the_user(api: Api) -> None:
    user = api.register(username="ada")
    assert set(user) == {"id", "email", "email_verified", "username", "scopes", "created_at"}
    assert (user["email"], user["username"]) == (EMAIL, "ada")
    assert (user["email_verified"], user["scopes"]) == (False, [])
    assert user["created_at"] == "2027-01-15T08:00:00.500000Z"


def test_the_answer_is_what_the_profile_says(api: Api) -> None:
    user = api.register()
    assert api.client.get("/me", headers=api.login().bearer).json() == user


def test_what_was_typed_is_what_is_shown(api: Api) -> None:
    user = api.register(email="Ada@EXAMPLE.com", username="\uff21da Lovelace ß")
    assert (user["email"], user["username"]) == ("Ada@EXAMPLE.com", "\uff21da Lovelace ß")


@pytest.mark.parametrize("email", ["mike@example.org", "MIKE@Example.ORG", "mi\u212ae@example.org"])
def test_a_known_email_is_already_registered(api: Api, email: str) -> None:
    api.register("mike@example.org")
    body = {"email": email, "password": PASSWORD}
    answer = api.expect(409, "POST", "/register", json=body).json()
    assert answer["error"] == "already_registered"


@sqlite_only
def test_a_dotless_i_is_another_letter(api: Api) -> None:
    api.register("mike@example.org")
    assert api.register("m\u0131ke@example.org")["email"] == "m\u0131ke@example.org"


@pytest.mark.parametrize(
    "username", ["bigbird", "BigBird", "\uff42\uff49\uff47\uff42\uff49\uff52\uff44", "ᴮᴵᴳᴮᴵᴿᴰ"]
)
def test_a_known_username_is_taken(api: Api, username: str) -> None:
    api.register(username="bigbird")
    body = {"email": "eve@example.com", "password": PASSWORD, "username": username}
    assert api.expect(409, "POST", "/register", json=body).json()["error"] == "username_taken"


@sqlite_only
def test_users_without_a_username_are_many(api: Api) -> None:
    api.register("ada@example.com")
    assert api.register("eve@example.com")["username"] is None


def test_a_refused_registration_leaves_no_account(service: Service) -> None:
    body = {"email": "eve@example.com", "password": PASSWORD, "username": "ada"}
    service.api.expect(409, "POST", "/register", json=body)
    service.api.expect(401, "POST", "/login", json={k: body[k] for k in ("email", "password")})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("email", email)
            for email in (
                *("", "ada", "ada@", "@example.com", "ada@gmail", "a b@example.com"),
                *(
                    "ada@example.com\n",
                    "ada\0@example.com",
                    "a@b@example.com",
                    "x" * 250 + "@a.com",
                ),
                *("ada@exam\u200bple.com", "ada\uff20example.com@example.com"),
            )
        ),
        *(
            ("username", username)
            for username in (
                *("", " ", "a  b", "\u00b4ada", "ada@example.com", "ada\uff20x", "x" * 65),
                *("a\0b", "a\nb", "a\x7f", "a\u200bb", "a\u202edb", "\u3164"),
            )
        ),
        *(
            ("password", password)
            for password in (
                *("", "x7!kQp2", "k" * 3 + "é" * 254, "password1", "Password1", "iloveyou"),
                *("eve@example.com", "eve12345", "adalovelace", "authapi2026", "tab\tinside it"),
            )
        ),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_breaks_a_rule_names_its_field(service: Service, field: str, value: str) -> None:
    good = {"email": "eve@example.com", "password": PASSWORD, "username": "adalovelace"}
    answer = service.client.post("/register", json=good | {field: value})
    assert answer.status_code == 422, answer.text
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", field]]


@pytest.mark.parametrize(
    "password",
    [
        *("k2!vQp7z", "only small letters here", "  spaces around it  ", "94" * 9 + "175"),
        *("é" * 256, "\U0001f600" * 64, "長い合言葉は良い合言葉", "73 bytes " + "y" * 64 + "z"),
    ],
    ids=lambda value: ascii(value)[:30],
)
@sqlite_only
def test_a_password_is_used_exactly_as_typed(api: Api, password: str) -> None:
    api.register(password=password)
    assert api.login(password=password).sid
    for other in (password[:-1], password[1:], password + "x", password.strip() + "\u00a0"):
        api.expect(401, "POST", "/login", json={"email": EMAIL, "password": other})


@sqlite_only
def test_composed_and_decomposed_letters_are_one_password(api: Api) -> None:
    api.register(password=unicodedata.normalize("NFD", "crème brûlée, frappée"))
    assert api.login(password=unicodedata.normalize("NFC", "crème brûlée, frappée")).sid


@sqlite_only
def test_where_registration_is_closed_nobody_registers(make_api: MakeApi) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    answer = make_api(registration="closed").expect(403, "POST", "/register", json=body)
    assert answer.json()["error"] == "registration_closed"


@sqlite_only
def test_a_registration_does_not_log_in(api: Api) -> None:
    answer = api.client.post("/register", json={"email": EMAIL, "password": PASSWORD})
    assert "token" not in answer.text
    assert "set-cookie" not in answer.headers
