"""Mails that wait are seen by an operator: in the metrics, and in /readyz after ten minutes."""

import pytest

from authapi.services.mail.outbox import retry_mails
from tests.mail.sending import application, send
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.mail_server import MailServer

MINUTE = 60


def warnings(api: Api) -> list[str]:
    answer = api.client.get("/readyz")
    assert answer.status_code == 200
    return [str(warning) for warning in answer.json()["warnings"]]


@sqlite_only
@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({}, "No mail is sent: AUTHAPI_SMTP_URL is not set."),
        ({"mail_dir": "mails"}, "Mails are written as files: AUTHAPI_SMTP_URL is not set."),
        ({"smtp_url": "smtp://localhost", "mail_from": "a@example.com"}, "It is good."),
    ],
)
def test_without_a_mail_server_the_part_says_where_mails_go(
    make_api: MakeApi, setting: dict[str, str], sentence: str
) -> None:
    parts = make_api(**setting).expect(200, "GET", "/readyz").json()["parts"]
    assert {"name": "mails", "state": "ok", "detail": sentence} in parts


def test_mails_that_wait_are_counted_and_late_ones_warned_of(
    make_api: MakeApi, mail_server: MailServer, clock: TestClock
) -> None:
    mail_server.recipients.extend(["451 later"] * 20)
    api = application(make_api, mail_server.url(), revocation_max_staleness=3600)
    for name in ("first", "second"):
        api.register(f"{name}@example.com")
    send(api)
    assert "authapi_mails_waiting 2.0" in api.client.get("/metrics").text
    assert warnings(api) == []
    clock.advance(11 * MINUTE)
    send(api)
    assert "authapi_mail_oldest_seconds 660.0" in api.client.get("/metrics").text
    assert warnings(api) == ["The oldest mail waits for 11 minutes: see `authapi mail list`."]
    mail_server.recipients.clear()
    clock.advance(60 * MINUTE)
    send(api)
    clock.advance(3)
    send(api)
    assert "authapi_mails_waiting 0.0" in api.client.get("/metrics").text
    assert not any("mail" in warning for warning in warnings(api))


def test_a_mail_that_is_tried_again_by_command_is_as_old_as_before(
    make_api: MakeApi, mail_server: MailServer, clock: TestClock
) -> None:
    mail_server.recipients.extend(["451 later"] * 60)
    api = application(make_api, mail_server.url(), revocation_max_staleness=3600)
    api.register()
    sender = api.app.state.runtime.mail_sender
    for _ in range(40):
        send(api)
        clock.advance(3600)
    assert sender.depth() == (0, 0.0)  # given up
    assert retry_mails(api.app.state.runtime.db) == 1
    assert sender.depth() == (1, 40 * 3600)
    send(api)
    assert sender.depth() == (1, 40 * 3600)  # and it is not given up at once
