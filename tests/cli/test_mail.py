"""`authapi mail …` and `authapi purge`: what the operator sees of what waits, and does to it."""

import re
from contextlib import closing

import pytest
from sqlalchemy import text

from authapi import clock
from authapi.config import load_settings
from authapi.db.database import open_database
from authapi.services.mail.mails import Mails
from authapi.services.mail.messages import Mail, MailKind
from tests.cli.conftest import Authapi
from tests.support.databases import sqlite_only

DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

pytestmark = [pytest.mark.usefixtures("configured"), sqlite_only]


def execute(statement: str) -> None:
    with closing(open_database(load_settings().database_url, clock.now)) as db, db.begin() as tx:
        tx.execute(text(statement))


def post(email: str) -> str:
    """Put a mail into the table, as the service does; return its id."""
    settings = load_settings()
    mail = Mail(MailKind.RESET_PASSWORD, email, canonical=email)
    with closing(open_database(settings.database_url, clock.now)) as db, db.begin() as tx:
        return Mails.of(settings).outbox.post(tx, mail)


def rows(authapi: Authapi) -> list[list[str]]:
    outcome = authapi("mail", "list")
    assert (outcome.status, outcome.errors) == (0, "")
    return [line.split("\t") for line in outcome.output.splitlines()]


def test_an_empty_list_is_empty(authapi: Authapi) -> None:
    assert rows(authapi) == []


def test_the_list_shows_each_mail_that_waits_and_not_who_it_is_for(authapi: Authapi) -> None:
    mail_id = post("ada@example.com")
    [row] = rows(authapi)
    assert row[:2] == [mail_id, "reset_password"]
    for shown, pattern in zip(
        row[2:], (f"posted {DATE}", "0 tries", f"next try {DATE}"), strict=True
    ):
        assert re.fullmatch(pattern, shown)
    assert "ada" not in authapi("mail", "list").output


def test_the_list_says_why_a_mail_was_given_up(authapi: Authapi) -> None:
    post("ada@example.com")
    execute("UPDATE outbox SET tries = 3, next_try_at = NULL, failed_at = 0, problem = 'refused'")
    [row] = rows(authapi)
    assert row[3:] == ["3 tries", "given up 1970-01-01T00:00:00Z", "refused"]


def test_a_mail_that_was_sent_is_not_listed(authapi: Authapi) -> None:
    post("ada@example.com")
    execute("UPDATE outbox SET sent_at = 1, next_try_at = NULL")
    assert rows(authapi) == []
    assert authapi("mail", "retry").output.startswith("0 mail(s) will be tried now")


def test_one_mail_or_all_are_tried_again(authapi: Authapi) -> None:
    first, second = post("ada@example.com"), post("eve@example.com")
    execute("UPDATE outbox SET tries = 3, next_try_at = NULL, failed_at = 1, problem = 'refused'")
    assert authapi("mail", "retry", first).output.startswith("1 mail(s) will be tried now")
    assert {row[0]: row[3] for row in rows(authapi)} == {first: "0 tries", second: "3 tries"}
    assert authapi("mail", "retry").output.startswith("2 mail(s) will be tried now")
    assert {row[3] for row in rows(authapi)} == {"0 tries"}


@pytest.mark.parametrize("mail_id", ["nothing", "", "%", "é", "x" * 500])
def test_a_mail_that_is_not_there_is_one_sentence(authapi: Authapi, mail_id: str) -> None:
    post("ada@example.com")
    assert authapi("mail", "retry", mail_id).sentence == "No mail that waits has this id."


def test_an_id_that_looks_like_an_option_can_be_tried_again(authapi: Authapi) -> None:
    mail_id = post("ada@example.com")
    execute("UPDATE outbox SET id = '-h' || substr(id, 3)")  # -h is --help elsewhere
    assert authapi("mail", "retry", f"-h{mail_id[2:]}").output.startswith("1 mail(s)")


def test_a_purge_says_what_it_has_removed(authapi: Authapi) -> None:
    post("ada@example.com")
    execute("UPDATE outbox SET sent_at = 1, next_try_at = NULL")
    post("eve@example.com")
    outcome = authapi("purge")
    assert re.fullmatch(r"(\d+ \w+, )*\d+ \w+ removed\.\n", outcome.output)
    assert "1 outbox" in outcome.output
    assert len(rows(authapi)) == 1
    assert "0 outbox" in authapi("purge").output


def test_a_purge_without_a_database_is_one_sentence(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", "postgresql://u@127.0.0.1:9/none")
    for command in (("purge",), ("mail", "list")):
        outcome = authapi(*command)
        assert outcome.status == 1
        assert "The database can't be reached" in outcome.errors.splitlines()[-1]
