"""Mails go through a real Postfix, which takes them, delays, refuses, hangs, or is away.

Kind: a mail is lost, or sent to whom it may not be, because the server behaves as real ones do.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import Engine

from tests.faults.outbox import (
    WITHIN,
    count,
    let_time_pass,
    process,
    register,
    wait_for_problem,
    wait_until_sent,
)
from tests.support.cutting_proxy import cutting_proxy
from tests.support.forked import Forked
from tests.support.mails import ReadMail
from tests.support.postfix import Postfix, needs_postfix, postfix_server
from tests.support.settings import SERVER, environment
from tests.support.until import until

pytestmark = needs_postfix
HANG_SECONDS = 60
PAUSE = 3600.0  # seconds; longer than the outbox waits after a first try
WAITS = "sent_at IS NULL AND failed_at IS NULL"


@pytest.fixture(scope="module")
def running() -> Iterator[Postfix]:
    with postfix_server() as server:
        yield server


@pytest.fixture
def postfix(running: Postfix, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postfix]:
    """The Postfix, whose certificate the test's servers trust."""
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    yield running
    running.answer({})


def somebody() -> str:
    """Return a name of this test alone: all tests share one mailbox."""
    return f"ada-{secrets.token_hex(4)}"


def arrived(postfix: Postfix, email: str, mails: int = 1) -> list[ReadMail]:
    """Wait for that many mails in the mailbox of that address, and return them."""
    until(lambda: len(postfix.mails(email)) >= mails, seconds=WITHIN, every=0.05)
    found = [ReadMail(message) for message in postfix.mails(email)]
    assert len(found) == mails
    return found


def test_a_mail_arrives_over_tls_after_a_log_in_and_its_link_works(
    tmp_path: Path, url: str, postfix: Postfix
) -> None:
    with process(tmp_path, url, postfix.url) as server, server.client() as client:
        (mail,) = arrived(postfix, register(server, somebody()))
        assert "with ESMTPSA" in mail.message["Received"]  # RFC 3848: TLS and AUTH
        proof = {"token": mail.token}
        assert client.post("/email/verify", json=proof).status_code == 204
        assert client.post("/email/verify", json=proof).status_code == 400


def test_a_greylisted_mail_is_sent_later(
    tmp_path: Path, url: str, engine: Engine, postfix: Postfix
) -> None:
    name = somebody()
    postfix.answer({f"{name}@example.com": "451 4.7.1 greylisted, come again"})
    with process(tmp_path, url, postfix.url) as server:
        email = register(server, name)
        wait_for_problem(engine, "(451)")
        assert count(engine, WAITS) == 1
        postfix.answer({})
        let_time_pass(engine, PAUSE)
        wait_until_sent(engine)
        arrived(postfix, email)


def test_a_refused_mail_is_given_up_until_an_operator_tries_again(
    tmp_path: Path, url: str, engine: Engine, postfix: Postfix
) -> None:
    name = somebody()
    postfix.answer({f"{name}@example.com": "550 5.1.1 nobody is called so"})
    with process(tmp_path, url, postfix.url) as server:
        email = register(server, name)
        wait_for_problem(engine, "(550)")
        assert count(engine, "failed_at IS NOT NULL") == 1
        postfix.answer({})
        other = register(server, f"other-{name}")
        arrived(postfix, other)
        assert not postfix.mails(email)
        environ = environment(**SERVER, database_url=url)
        log = tmp_path / "retry.log"
        retry = Forked("mail", "retry", folder=tmp_path, environment=environ, log_file=log)
        assert retry.wait(WITHIN) == 0, log.read_text()
        arrived(postfix, email)


def test_a_server_that_wants_a_log_in_is_the_operators_to_mend_so_the_mail_waits(
    tmp_path: Path, url: str, engine: Engine, postfix: Postfix
) -> None:
    """It says so to the recipient, with a 5xx: no mail is given up for a missing password."""
    with process(tmp_path, url, f"smtp://localhost:{postfix.submission}") as server:
        email = register(server, somebody())
        wait_for_problem(engine, "(554)")
        assert count(engine, WAITS) == 1
    with process(tmp_path, url, postfix.url):
        let_time_pass(engine, PAUSE)
        wait_until_sent(engine)
    arrived(postfix, email)


def test_a_mail_whose_answer_is_lost_comes_twice_under_one_id(
    tmp_path: Path, url: str, engine: Engine, postfix: Postfix
) -> None:
    with (
        cutting_proxy(postfix.plain) as proxy,
        process(tmp_path, url, f"smtp://127.0.0.1:{proxy.port}") as server,
    ):
        email = register(server, somebody())
        wait_for_problem(engine, "SMTPServerDisconnected")
        let_time_pass(engine, PAUSE)
        wait_until_sent(engine)
    first, second = arrived(postfix, email, mails=2)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.token == second.token


def test_a_server_with_a_wrong_certificate_gets_nothing(
    tmp_path: Path, url: str, engine: Engine, running: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    with process(tmp_path, url, running.url) as server:
        email = register(server, somebody())
        wait_for_problem(engine, "SSLCertVerificationError")
        assert count(engine, WAITS) == 1
        assert not running.mails(email)
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    with process(tmp_path, url, running.url):
        let_time_pass(engine, PAUSE)
        wait_until_sent(engine)
    arrived(running, email)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_server_that_hangs_holds_up_no_request_and_no_other_mail_for_long(
    tmp_path: Path, url: str, engine: Engine, postfix: Postfix
) -> None:
    name = somebody()
    postfix.answer({f"{name}@example.com": f"sleep {HANG_SECONDS}"})
    with process(tmp_path, url, postfix.url) as server, server.client() as client:
        email = register(server, name)
        until(lambda: count(engine, "tries = 1") == 1, seconds=WITHIN, every=0.05)
        other = register(server, f"other-{name}")
        began = monotonic()
        assert client.post("/password/forgot", json={"email": other}).status_code == 202
        assert monotonic() - began < HANG_SECONDS / 2
        arrived(postfix, other, mails=2)
        wait_for_problem(engine, "SMTPServerDisconnected")  # smtplib's word for its time-out
        postfix.answer({})
        let_time_pass(engine, PAUSE)
        wait_until_sent(engine)
    arrived(postfix, email)


def test_a_mail_waits_while_the_server_is_away(
    tmp_path: Path, url: str, engine: Engine, postfix: Postfix
) -> None:
    postfix.stop()
    try:
        with process(tmp_path, url, postfix.url) as server:
            email = register(server, somebody())
            wait_for_problem(engine, "ConnectionRefusedError")
            assert count(engine, WAITS) == 1
            postfix.start()
            let_time_pass(engine, PAUSE)
            wait_until_sent(engine)
    finally:
        if not postfix.is_running:
            postfix.start()
    arrived(postfix, email)
