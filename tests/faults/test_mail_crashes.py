"""A mail is sent once, or twice under one Message-ID; never not at all.

Kind: work that a process has taken dies with it. kill -9 falls between the commit and the sending,
and while the mail is sent.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from authapi.services.mail.sending import LEASE_SECONDS
from tests.support.api import PASSWORD
from tests.support.databases import DATABASES
from tests.support.forked import ForkedServer
from tests.support.mail_server import HANG, MailServer, mail_server
from tests.support.postgresql import PostgreSQL
from tests.support.settings import SERVER, settings_for
from tests.support.until import until

MANY = 12
WITHIN = 20  # seconds


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/authapi.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.emptied_database() as name:
        yield server.url(name)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = create_engine(settings_for(url).database_url)
    yield made
    made.dispose()


def process(folder: Path, url: str, mails: MailServer) -> ForkedServer:
    more = {"smtp_url": mails.url("127.0.0.1"), "mail_from": "login@auth.example"}
    return ForkedServer(folder, **SERVER, database_url=url, **more)


def register(server: ForkedServer, name: str) -> None:
    body = {"email": f"{name}@example.com", "password": PASSWORD}
    with server.client() as client:
        assert client.post("/register", json=body).status_code == 201


def let_the_lease_run_out(engine: Engine) -> None:
    """Bring the next try as much nearer as time would."""
    sooner = f"UPDATE outbox SET next_try_at = next_try_at - {LEASE_SECONDS} WHERE sent_at IS NULL"
    with engine.begin() as connection:
        connection.execute(text(sooner))


def count(engine: Engine, condition: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM outbox WHERE {condition}")) or 0)


def all_are_sent(engine: Engine) -> bool:
    return not count(engine, "sent_at IS NULL")


def test_a_process_that_dies_while_it_sends(
    tmp_path: Path, url: str, engine: Engine, mails: MailServer
) -> None:
    mails.bodies.append(HANG)  # it has the mail, and has not said so
    with process(tmp_path, url, mails) as server:
        register(server, "ada")
        assert mails.is_reached.wait(WITHIN)
        server.kill()
        server.start()
        let_the_lease_run_out(engine)
        until(lambda: all_are_sent(engine), seconds=WITHIN, every=0.05)
    assert len(mails.ids) == 2
    assert len(set(mails.ids)) == 1


def test_a_process_that_dies_between_the_commit_and_the_sending(
    tmp_path: Path, url: str, engine: Engine, mails: MailServer
) -> None:
    mails.bodies.append(HANG)  # its one thread is busy with the first mail
    with process(tmp_path, url, mails) as server:
        register(server, "first")
        assert mails.is_reached.wait(WITHIN)
        register(server, "second")
        assert count(engine, "tries = 0") == 1
        server.kill()
        server.start()
        mails.wait_for(2)
        assert mails.addressees == ["first@example.com", "second@example.com"]
        let_the_lease_run_out(engine)
        until(lambda: all_are_sent(engine), seconds=WITHIN, every=0.05)
    first, second, third = mails.ids
    assert first == third != second


def test_two_processes_at_once_send_each_mail_once(
    tmp_path: Path, url: str, engine: Engine, mails: MailServer
) -> None:
    with process(tmp_path, url, mails) as one, process(tmp_path, url, mails) as other:
        for number in range(MANY):
            register((one, other)[number % 2], f"user{number}")
        until(lambda: all_are_sent(engine), seconds=WITHIN, every=0.05)
    assert len(mails.ids) == len(set(mails.ids)) == MANY
