"""A mail goes to a real mail server, or waits, or is given up."""

from pathlib import Path
from time import monotonic

import pytest

from authapi.services.mail import delivery
from authapi.services.mail.sending import MOST_TRIES
from tests.mail.sending import SENDER, application, posted, send, waiting
from tests.support.api import EMAIL
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.logging import captured
from tests.support.mail_server import CUT, HANG, MailServer
from tests.support.scripted_server import ScriptedServer

pytestmark = sqlite_only


def test_a_mail_goes_to_the_server(make_api: MakeApi, mail_server: MailServer) -> None:
    api = posted(make_api, mail_server.url())
    (mail,) = mail_server.mails
    assert mail_server.addressees == [EMAIL]
    assert (mail["From"], mail["To"]) == (SENDER, EMAIL)
    assert str(mail["Message-ID"]).endswith("@localhost>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_body(("plain",))
    assert mail.get_body(("html",))
    assert send(api) == 0


@pytest.mark.parametrize("place", ["senders", "recipients", "bodies"])
def test_a_mail_that_the_server_does_not_take_yet_is_tried_again(
    make_api: MakeApi, mail_server: MailServer, clock: TestClock, place: str
) -> None:
    getattr(mail_server, place).append("451 4.7.1 greylisted")
    api = posted(make_api, mail_server.url())
    assert "451" in (waiting(api).problem or "")
    assert send(api) == 0
    clock.advance(16)
    assert send(api) == 1
    assert len(set(mail_server.ids)) == 1
    clock.advance(86400)
    assert send(api) == 0


@pytest.mark.parametrize("place", ["recipients", "bodies"])
def test_a_mail_that_is_refused_for_good_is_given_up_and_its_log_is_discreet(
    make_api: MakeApi,
    mail_server: MailServer,
    place: str,
) -> None:
    getattr(mail_server, place).append(f"550 5.1.1 nobody is called {EMAIL} here")
    api = application(make_api, mail_server.url())
    api.register()
    with captured("json") as log:
        send(api)
    mail = waiting(api)
    assert mail.failed_at is not None
    assert "550" in log.event("mail_given_up")["reason"]
    assert EMAIL not in log.text
    assert EMAIL not in (mail.problem or "")
    assert send(api) == 0


@pytest.mark.parametrize("place", ["senders", "recipients"])
@pytest.mark.parametrize("answer", ["550 5.7.1 not from you", "530 5.7.0 who are you?"])
def test_a_refused_sender_is_the_operators_to_mend_so_the_mail_waits(
    make_api: MakeApi, mail_server: MailServer, clock: TestClock, place: str, answer: str
) -> None:
    getattr(mail_server, place).append(answer)
    api = posted(make_api, mail_server.url())
    assert waiting(api).failed_at is None
    clock.advance(16)
    send(api)
    assert len(mail_server.mails) == 1


def test_a_mail_without_an_answer_is_sent_again_under_its_id(
    make_api: MakeApi, mail_server: MailServer, clock: TestClock
) -> None:
    mail_server.bodies.append(CUT)
    api = posted(make_api, mail_server.url())
    clock.advance(16)
    assert send(api) == 1
    assert len(mail_server.ids) == 2
    assert len(set(mail_server.ids)) == 1
    clock.advance(86400)
    assert send(api) == 0


def test_a_mail_is_given_up_after_a_day(
    make_api: MakeApi, mail_server: MailServer, clock: TestClock
) -> None:
    mail_server.recipients.extend(["451 later"] * 60)
    api = posted(make_api, mail_server.url())
    tries = 1
    while waiting(api).failed_at is None:
        clock.advance(3600)
        tries += send(api)
    assert 24 <= tries <= 40
    assert (waiting(api).problem or "").startswith("given up after a day")


def test_a_hung_server_holds_up_no_other_mail_for_long(
    make_api: MakeApi, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, clock: TestClock
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.5)
    mail_server.bodies.append(HANG)
    api = application(make_api, mail_server.url())
    for name in ("first", "second"):
        api.register(f"{name}@example.com")
        clock.advance(1)
    assert send(api) == 2
    assert mail_server.addressees == ["first@example.com", "second@example.com"]
    clock.advance(16)
    assert send(api) == 1
    assert mail_server.ids[0] == mail_server.ids[2]


@pytest.mark.parametrize("begins", [True, False], ids=["silence after HELO", "dripping greeting"])
def test_a_slow_server_is_left_before_another_process_may_take_the_mail(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, *, begins: bool
) -> None:
    """Kind: a time-out for each answer bounds no sum. A server that drips is never silent."""
    monkeypatch.setattr(delivery, "SENDING_SECONDS", 1.0)
    answers = {b"EHLO": b"", b"MAIL": b""}
    with ScriptedServer(answers, drip=not begins) as port:
        started = monotonic()
        api = posted(make_api, f"smtp://127.0.0.1:{port}")
        assert monotonic() - started < 5
    assert waiting(api).failed_at is None


def test_a_mail_that_cannot_be_written_holds_up_no_other_one(
    make_api: MakeApi, mail_server: MailServer, tmp_path: Path, clock: TestClock
) -> None:
    """Kind: one bad row stops all that follow. It waits for a day, like any other."""
    folder = tmp_path / "templates"
    (folder / "en").mkdir(parents=True)
    api = application(make_api, mail_server.url(), mail_templates=folder)
    api.register()  # at the start all templates were there
    (folder / "en" / "reset_password.txt").write_text("No subject\n")
    api.client.post("/password/forgot", json={"email": EMAIL})
    clock.advance(1)
    api.register("second@example.com")
    assert send(api) == 3
    assert mail_server.addressees == [EMAIL, "second@example.com"]
    assert waiting(api).kind == "reset_password"
    for _ in range(MOST_TRIES):
        clock.advance(3601)
        send(api)
    assert waiting(api).failed_at is not None
