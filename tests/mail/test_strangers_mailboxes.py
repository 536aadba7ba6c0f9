"""Who makes accounts with a stranger's address, one after the other, does not fill that mailbox."""

from collections.abc import Callable

import pytest

from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.administration import Admin, account
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.passkeys import fresh_by_passkey, registered

pytestmark = sqlite_only
NEW = "another quite long phrase"
MOST = 2  # an hour


@pytest.fixture
def mail_api(make_mail_api: MakeMailApi) -> MailApi:
    return make_mail_api(limit_links="2/hour", limit_register="", trusted_proxies="192.0.2.1")


def delete(mail_api: MailApi, email: str, password: str) -> None:
    mail_api.mails()  # what waits goes with the account
    headers = mail_api.api.login(email, password=password).bearer
    mail_api.api.expect(204, "POST", "/me/delete", json={"password": password}, headers=headers)


def change_the_password(mail_api: MailApi) -> None:
    headers = mail_api.api.register_and_login().bearer
    body = {"current_password": PASSWORD, "new_password": NEW}
    mail_api.api.expect(200, "POST", "/me/password", json=body, headers=headers)
    delete(mail_api, EMAIL, NEW)


def log_in_elsewhere(mail_api: MailApi) -> None:
    mail_api.api.register()
    headers = {"User-Agent": "Elsewhere/1"}
    mail_api.api.expect(
        200, "POST", "/login", json={"email": EMAIL, "password": PASSWORD}, headers=headers
    )
    delete(mail_api, EMAIL, PASSWORD)


def move_away(mail_api: MailApi) -> None:
    headers = mail_api.api.register_and_login().bearer
    own = f"{len(mail_api.mails())}@example.org"
    asked = {"password": PASSWORD, "email": own}
    mail_api.api.expect(202, "POST", "/me/email", json=asked, headers=headers)
    assert mail_api.post("/email/verify", token=mail_api.mail(own, "").token) == 204
    delete(mail_api, own, PASSWORD)


def add_a_passkey(mail_api: MailApi) -> None:
    account(mail_api.api, EMAIL, is_verified=True)
    key = registered(mail_api.api, mail_api.api.login())
    mail_api.mails()
    headers = fresh_by_passkey(mail_api.api, key).bearer
    mail_api.api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=headers)


ACTS: list[tuple[Callable[[MailApi], None], str]] = [
    (change_the_password, "Your password"),
    (log_in_elsewhere, "new log-in"),
    (add_a_passkey, "new way to log in"),
    (move_away, "address for localhost:8000 was changed"),
]


@pytest.mark.parametrize(("act", "about"), ACTS)
def test_notices_have_their_bound_for_each_address(
    mail_api: MailApi, act: Callable[[MailApi], None], about: str, clock: TestClock
) -> None:
    for number in range(5):
        mail_api.api.client.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        act(mail_api)
    assert told(mail_api, about) == MOST
    clock.advance(3601)
    act(mail_api)
    assert told(mail_api, about) == MOST + 1


def test_deletions_are_told_so_often(mail_api: MailApi, clock: TestClock) -> None:
    admin = Admin(mail_api.api)

    def make_and_delete() -> None:
        admin.expect(204, "DELETE", f"/users/{account(mail_api.api, EMAIL)}")

    for _ in range(5):
        make_and_delete()
    assert told(mail_api, "deleted") == MOST
    clock.advance(500)
    admin.expect(204, "DELETE", f"/users/{account(mail_api.api, 'eve@example.com')}")
    assert len(mail_api.mails("eve@example.com")) == 1  # each has a count of its own


def told(mail_api: MailApi, about: str) -> int:
    return sum(about in mail.subject for mail in mail_api.mails(EMAIL))
