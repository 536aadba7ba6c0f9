"""Passwords, tokens, keys and SECRET stand nowhere that they don't belong: no log, no answer but
the one that hands them over, no table. Not even when something breaks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from authapi.db.database import Database
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeSettings
from tests.support.logging import Log, captured
from tests.support.settings import SECRET

NEW_PASSWORD = "a wholly different passphrase"
WRONG_PASSWORD = "never was anybody's password"
KEYS = ("first-idempotency-key", "second-idempotency-key")
HANDS_OVER = ("/login", "/refresh", "/reauth")

in_both_formats = pytest.mark.parametrize("log", ["json", "console"], indirect=True)


@dataclass
class Story:
    """Everything that a client may do, and every answer that it got."""

    api: Api
    answers: list[httpx.Response] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self.api.client.request(method, path, **more)
        answer.request = httpx.Request(method, f"http://testserver{path}")
        self.answers.append(answer)
        if path in HANDS_OVER and answer.status_code == 200:
            given = answer.json()
            self.tokens |= {given[name] for name in given if name.endswith("_token")}
            for cookie in answer.headers.get_list("set-cookie"):
                self.tokens.add(cookie.partition("=")[2].partition(";")[0])
        return answer

    def login(self, password: str = PASSWORD, transport: str = "bearer") -> httpx.Response:
        body = {"email": EMAIL, "password": password, "transport": transport}
        return self.ask("POST", "/login", json=body)

    def refresh(self, token: str, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.ask("POST", "/refresh", json={"refresh_token": token}, headers=headers)

    def run(self) -> None:
        self.ask("POST", "/register", json={"email": EMAIL, "password": PASSWORD})
        self.ask("POST", "/register", json={"email": EMAIL, "password": PASSWORD})
        self.login(WRONG_PASSWORD)
        first = self.login().json()
        second = self.refresh(first["refresh_token"], KEYS[0]).json()
        self.refresh(first["refresh_token"], KEYS[0])
        self.refresh(second["refresh_token"], KEYS[0])
        self.bad_input(first["refresh_token"])
        bearer = {"Authorization": f"Bearer {second['access_token']}"}
        self.use(bearer)
        again = {"Authorization": f"Bearer {self.login(NEW_PASSWORD).json()['access_token']}"}
        for password in (WRONG_PASSWORD, NEW_PASSWORD):
            self.ask("POST", "/reauth", json={"password": password}, headers=again)
        for transport in ("hybrid", "cookie", "session"):
            self.login(NEW_PASSWORD, transport)
        self.refresh(first["refresh_token"], KEYS[1])

    def use(self, bearer: dict[str, str]) -> None:
        self.ask("GET", "/me", headers=bearer)
        self.ask("GET", "/verify", headers=bearer)
        self.ask("GET", "/sessions", headers=bearer)
        self.ask("GET", "/verify", headers={"Authorization": bearer["Authorization"] + "x"})
        for current in (WRONG_PASSWORD, PASSWORD):
            change = {"current_password": current, "new_password": NEW_PASSWORD}
            self.ask("POST", "/me/password", json=change, headers=bearer)

    def bad_input(self, token: str) -> None:
        self.ask("POST", "/login", json={"email": EMAIL, "password": [PASSWORD]})
        self.ask("POST", "/login", json={"email": EMAIL, PASSWORD: token})
        self.ask("POST", "/login", content=f'{{"password": "{PASSWORD}",')
        self.ask("POST", "/register", json={"email": PASSWORD, "password": PASSWORD})
        self.ask("POST", "/refresh", json={"refresh_token": [token]})
        self.ask("POST", "/refresh", json={"refresh_token": token}, headers={"Idempotency-Key": ""})
        self.ask("GET", f"/nowhere/{token}?access_token={token}")


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    with captured(getattr(request, "param", "json")) as log:
        yield log


@pytest.fixture
def story(log: Log, api: Api) -> Story:
    story = Story(api)
    story.run()
    assert len(story.tokens) >= 10
    return story


def secrets_of(story: Story) -> set[str]:
    signatures = {token.rpartition(".")[2] for token in story.tokens}
    return {SECRET, PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, *KEYS, *story.tokens, *signatures}


def found(secrets: set[str], haystack: str) -> list[str]:
    return [secret for secret in secrets if secret in haystack]


@in_both_formats
def test_no_log_line_holds_a_secret(story: Story, log: Log) -> None:
    assert "login_succeeded" in log.text
    assert found(secrets_of(story), log.text) == []


def test_no_answer_repeats_what_was_sent(story: Story) -> None:
    sent = {SECRET, PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, *KEYS}
    for answer in story.answers:
        assert found(sent, f"{answer.text}{answer.headers}") == []


def test_tokens_stand_in_the_answers_that_hand_them_over_alone(story: Story) -> None:
    for answer in story.answers:
        if answer.request.url.path not in HANDS_OVER or answer.status_code != 200:
            assert found(story.tokens, f"{answer.text}{answer.headers}") == []


def test_what_a_cookie_holds_is_in_no_body(story: Story) -> None:
    for answer in story.answers:
        for cookie in answer.headers.get_list("set-cookie"):
            assert cookie.partition("=")[2].partition(";")[0] not in answer.text


def test_the_database_holds_no_secret(story: Story, database_url: str, db: Database) -> None:
    assert found(secrets_of(story), contents(database_url)) == []


def contents(database_url: str) -> str:
    """All of it: SQLite's files as they are, PostgreSQL's rows as text."""
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        return "".join(file.read_bytes().decode("latin-1") for file in path.parent.glob("*.db*"))
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        rows = [
            connection.execute(f"SELECT t::text FROM {name} t").fetchall() for (name,) in tables
        ]
    assert rows
    return str(rows)


@in_both_formats
@pytest.mark.parametrize("table", ["users", "sessions"])
def test_a_failure_of_ours_shows_nothing_and_logs_no_secret(
    table: str, story: Story, log: Log, db: Database
) -> None:
    with db.begin() as tx:
        tx.execute(text(f"ALTER TABLE {table} RENAME TO gone"))
    body = {"email": "b@example.com", "password": PASSWORD}
    answers = [story.login(NEW_PASSWORD), story.refresh(max(story.tokens), KEYS[1])]
    answers.append(story.ask("POST", "/register", json=body))
    broken = [answer for answer in answers if answer.status_code == 500]
    assert broken
    for answer in broken:
        assert answer.json() == {
            "error": "server_error",
            "error_description": "Something went wrong here.",
        }
        assert answer.headers["X-Request-ID"] in log.text
    assert "unexpected_error" in log.text
    assert found({*secrets_of(story), "argon2id", EMAIL, "b@example.com"}, log.text) == []


def test_settings_show_no_secret_when_they_are_printed(make_settings: MakeSettings) -> None:
    settings = make_settings(database_url="postgresql://authapi:hunter2@localhost/authapi")
    for shown in (repr(settings), str(settings), str(settings.masked())):
        assert SECRET not in shown
        assert "hunter2" not in shown
