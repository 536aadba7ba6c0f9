"""The kind: a stranger who uses up what an owner needs to get back in, or lets us mail others."""

import pytest

from tests.mail.conftest import MailApi, MakeMailApi, make_mail_api, sends_by_itself
from tests.support.api import EMAIL, PASSWORD
from tests.support.app_transport import AppClient
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.settings import NO_LIMITS

__all__ = ["make_mail_api", "sends_by_itself"]  # a fixture

NEW = "the owner's own phrase"
MINUTE = 60
STRANGERS, OWNERS = "203.0.113.9", "198.51.100.7"
pytestmark = sqlite_only


def post(mail_api: MailApi, path: str, address: str, **body: object) -> int:
    with AppClient(mail_api.api.app, address=address) as client:
        return client.post(path, json=body).status_code


def test_mails_that_nobody_gets_use_up_no_reset_mail(make_mail_api: MakeMailApi) -> None:
    """Of a verified address, `resend` sends nothing: the owner would not even notice."""
    mail_api = make_mail_api(limit_links="5/hour")
    mail_api.api.register()
    assert mail_api.post("/email/verify", token=mail_api.mail(EMAIL).token) == 204
    for _ in range(5):
        assert post(mail_api, "/email/verify/resend", STRANGERS, email=EMAIL) == 202
    assert post(mail_api, "/password/forgot", OWNERS, email=EMAIL) == 202
    assert mail_api.mail(EMAIL, "new password")


@pytest.mark.parametrize(
    "limit", [{"limit_login_account": "100000/hour"}, {"limit_login_account": "50/hour"}]
)
def test_a_reset_lifts_the_limits_of_the_account(
    make_mail_api: MakeMailApi, clock: TestClock, limit: dict[str, str]
) -> None:
    mail_api = make_mail_api(**{**NO_LIMITS, **limit})
    mail_api.api.register()
    with AppClient(mail_api.api.app, address=STRANGERS) as client:
        wrong = {"email": EMAIL, "password": "not the password"}
        guesses = [client.post("/login", json=wrong).status_code for _ in range(101)]
    assert guesses[-1] == 429
    clock.advance(1)
    post(mail_api, "/password/forgot", OWNERS, email=EMAIL)
    token = mail_api.mail(EMAIL, "new password").token
    assert post(mail_api, "/login", OWNERS, email=EMAIL, password=PASSWORD) == 429
    body = {"token": token, "new_password": NEW}
    assert post(mail_api, "/password/reset", OWNERS, **body) == 204
    assert post(mail_api, "/login", OWNERS, email=EMAIL, password=NEW) == 200


def test_a_change_of_address_counts_as_a_mail_that_is_asked_for(make_mail_api: MakeMailApi) -> None:
    """One account and one address mailed sixty strangers an hour."""
    mail_api = make_mail_api(limit_links="5/hour")
    tokens = mail_api.api.register_and_login()
    answers = [
        mail_api.api.client.post(
            "/me/email",
            json={"email": f"stranger{number}@example.com", "password": PASSWORD},
            headers=tokens.bearer,
        ).status_code
        for number in range(6)
    ]
    assert answers == [202] * 5 + [429]


def test_requests_before_a_registration_take_its_mail_from_nobody(
    make_mail_api: MakeMailApi,
) -> None:
    mail_api = make_mail_api(limit_links="5/hour", registration_confirms_email=True)
    for _ in range(6):
        post(mail_api, "/email/verify/resend", STRANGERS, email=EMAIL)
    assert mail_api.mails() == []  # there is nobody to send it to
    assert post(mail_api, "/register", OWNERS, email=EMAIL, password=PASSWORD) == 202
    assert mail_api.mail(EMAIL).token


def test_an_owner_has_a_link_or_can_ask_for_one_whatever_strangers_ask_for(
    make_mail_api: MakeMailApi, clock: TestClock
) -> None:
    mail_api = make_mail_api(limit_links="5/hour")
    mail_api.api.register()
    for _ in range(4):
        for _ in range(6):
            post(mail_api, "/password/forgot", STRANGERS, email=EMAIL)
        sent = resets(mail_api)
        clock.advance(15 * MINUTE)  # the last link dies
        post(mail_api, "/password/forgot", OWNERS, email=EMAIL)
        assert resets(mail_api) == sent + 1
    assert resets(mail_api) == 5 + 4


def resets(mail_api: MailApi) -> int:
    return sum("new password" in mail.subject for mail in mail_api.mails(EMAIL))
