"""A mail is sent once, or twice under one Message-ID; never not at all.

Kind: work that a process has taken dies with it. kill -9 falls between the commit and the sending,
and while the mail is sent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from authapi.services.mail.sending import LEASE_SECONDS, SENDING_THREADS
from tests.faults.outbox import WITHIN, count, let_time_pass, process, register, wait_until_sent
from tests.support.mail_server import HANG, MailServer, mail_server

MANY = 12
LIVES = 4


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def test_a_process_that_dies_while_it_sends(
    tmp_path: Path, url: str, engine: Engine, mails: MailServer
) -> None:
    mails.bodies.append(HANG)  # it has the mail, and has not said so
    with process(tmp_path, url, mails.url("127.0.0.1")) as server:
        register(server, "ada")
        assert mails.is_reached.wait(WITHIN)
        server.kill()
        server.start()
        let_time_pass(engine, LEASE_SECONDS)
        wait_until_sent(engine)
    assert len(mails.ids) == 2
    assert len(set(mails.ids)) == 1


def test_a_process_that_dies_between_the_commit_and_the_sending(
    tmp_path: Path, url: str, engine: Engine, mails: MailServer
) -> None:
    mails.bodies += [HANG] * SENDING_THREADS  # each of its threads is busy with a mail
    with process(tmp_path, url, mails.url("127.0.0.1")) as server:
        for number in range(SENDING_THREADS):
            register(server, f"busy{number}")
        mails.wait_for(SENDING_THREADS)
        last = register(server, "last")
        assert count(engine, "tries = 0") == 1
        server.kill()
        server.start()
        mails.wait_for(SENDING_THREADS + 1)
        assert mails.addressees[-1] == last
        let_time_pass(engine, LEASE_SECONDS)
        wait_until_sent(engine)
    sent = Counter(mails.ids)
    assert sorted(sent.values()) == [1] + [2] * SENDING_THREADS
    assert sent[mails.ids[SENDING_THREADS]] == 1


def test_two_processes_at_once_send_each_mail_once(
    tmp_path: Path, url: str, engine: Engine, mails: MailServer
) -> None:
    one, other = (process(tmp_path, url, mails.url("127.0.0.1")) for _ in range(2))
    with one, other:
        for number in range(MANY):
            register((one, other)[number % 2], f"user{number}")
        wait_until_sent(engine)
    assert len(mails.ids) == len(set(mails.ids)) == MANY


def test_whenever_a_process_dies_each_mail_is_sent_and_keeps_its_id(
    tmp_path: Path, url: str, engine: Engine, mails: MailServer
) -> None:
    """The kills fall anywhere: before a commit, after it, while a mail is sent and after it."""
    registered: set[str] = set()
    with process(tmp_path, url, mails.url("127.0.0.1")) as server:
        for life in range(LIVES):
            with ThreadPoolExecutor(4) as pool:
                names = [f"user-{life}-{number}" for number in range(MANY)]
                answers = [pool.submit(register, server, name) for name in names]
                mails.wait_for(len(mails.mails) + 1 + life)
                server.kill()
            registered |= {done.result() for done in answers if done.exception() is None}
            server.start()
            let_time_pass(engine, LEASE_SECONDS)
        wait_until_sent(engine)
    ids: dict[str, set[str]] = defaultdict(set)
    for mail in mails.mails:
        ids[str(mail["To"])].add(str(mail["Message-ID"]))
    assert registered
    assert registered <= set(ids)
    assert all(len(of_one) == 1 for of_one in ids.values())
