"""Notices: who owns an account hears of what happened to it."""

import pytest

from authapi.services.accounts import administration
from authapi.services.accounts.administration import Operator
from authapi.services.accounts.notices import MOST_AN_HOUR
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock
from tests.support.together import together

NEW = "another quite long phrase"


def change(mail_api: MailApi, current: str) -> int:
    headers = {
        **mail_api.api.login().bearer,
        "User-Agent": "A-Browser/7",
        "Accept-Language": "de",
    }
    body = {"current_password": current, "new_password": NEW}
    return mail_api.api.client.post("/me/password", json=body, headers=headers).status_code


def test_a_changed_password_is_told_with_the_device(mail_api: MailApi) -> None:
    mail_api.api.register()
    assert change(mail_api, PASSWORD) == 200
    notice = mail_api.mail(EMAIL, "Passwort")
    assert "A-Browser/7" in notice.text
    assert "192.0.2.1" in notice.text
    assert "token=" not in notice.text


def test_a_password_that_was_not_changed_is_not_told(mail_api: MailApi) -> None:
    mail_api.api.register()
    assert change(mail_api, "a wrong password") == 403
    assert len(mail_api.mails(EMAIL)) == 1


def refresh(mail_api: MailApi, token: str, browser: str) -> int:
    headers = {"User-Agent": browser}
    body = {"refresh_token": token}
    return mail_api.api.client.post("/refresh", json=body, headers=headers).status_code


def test_a_replay_is_told_once_with_both_devices(mail_api: MailApi) -> None:
    mail_api.api.client.headers["User-Agent"] = "Owner/1"
    first = mail_api.api.register_and_login().refresh
    assert refresh(mail_api, first, "Owner/1") == 200
    assert len(mail_api.mails(EMAIL)) == 1
    assert [refresh(mail_api, first, "Thief/9") for _ in range(3)] == [401] * 3
    notice = mail_api.mail(EMAIL, "logged out")
    assert notice.text.index("Owner/1") < notice.text.index("Thief/9")
    assert "token=" not in notice.text
    assert first not in notice.text + notice.html


NEW_LOGIN = "new log-in"


def log_in(mail_api: MailApi, agent: str = "Owner/1", **headers: str) -> int:
    headers = {"User-Agent": agent, **headers}
    body = {"email": EMAIL, "password": PASSWORD}
    return mail_api.api.client.post("/login", json=body, headers=headers).status_code


def told(mail_api: MailApi) -> int:
    return sum(NEW_LOGIN in mail.subject for mail in mail_api.mails(EMAIL))


@pytest.fixture
def owner(mail_api: MailApi) -> MailApi:
    """A service with a user who registered by the agent Owner/1 from 192.0.2.1."""
    mail_api.api.client.headers["User-Agent"] = "Owner/1"
    mail_api.api.register()
    return mail_api


def test_the_log_in_after_the_own_registration_is_no_news(owner: MailApi) -> None:
    assert log_in(owner) == 200
    assert log_in(owner, "Owner/2") == 200  # a new version
    assert told(owner) == 0


def test_a_log_in_from_a_new_device_is_told_once(owner: MailApi) -> None:
    assert [log_in(owner, "Thief") for _ in range(3)] == [200] * 3
    notice = owner.mail(EMAIL, NEW_LOGIN)
    for text in (notice.text, notice.html):
        assert "Thief" in text
        assert "192.0.2.1" in text
        assert "UTC" in text
        assert "change your password" in " ".join(text.split())
        assert "http" not in text
        assert "token=" not in text


def test_a_log_in_from_a_new_network_is_told_in_the_language_of_the_browser(
    make_mail_api: MakeMailApi,
) -> None:
    api = make_mail_api(limit_links="", trusted_proxies="192.0.2.1")
    api.api.client.headers["User-Agent"] = "Owner/1"
    api.api.register()
    headers = {"X-Forwarded-For": "203.0.113.77", "Accept-Language": "de"}
    assert log_in(api, **headers) == 200
    notice = api.mail(EMAIL, "neue Anmeldung")
    assert "203.0.113.77" in notice.text


def test_what_an_agent_says_is_bounded_plain_text(owner: MailApi) -> None:
    agent = "<a href=https://evil.example/>Log in here</a> " + "x" * 200 + "END"
    assert log_in(owner, agent) == 200
    notice = owner.mail(EMAIL, NEW_LOGIN)
    assert "https://" not in notice.text + notice.html
    assert "<a href" not in notice.html
    assert "END" not in notice.text + notice.html
    assert "Log in here" in notice.text


def test_a_wrong_password_from_a_new_device_is_not_told(owner: MailApi) -> None:
    headers = {"User-Agent": "Thief"}
    body = {"email": EMAIL, "password": "a wrong password"}
    assert owner.api.client.post("/login", json=body, headers=headers).status_code == 401
    assert told(owner) == 0


def test_an_account_gets_so_many_notices_of_new_devices_an_hour(
    owner: MailApi, clock: TestClock
) -> None:
    agents = [f"Agent{letter}" for letter in "abcdefgh"]
    assert [log_in(owner, agent) for agent in agents] == [200] * len(agents)
    assert told(owner) == MOST_AN_HOUR
    clock.advance(3601)
    assert log_in(owner, "Another") == 200
    assert told(owner) == MOST_AN_HOUR + 1


def test_of_parallel_log_ins_from_a_new_device_one_is_told(owner: MailApi) -> None:
    assert together(*[lambda: log_in(owner, "Thief")] * 4) == [200] * 4
    assert told(owner) == 1


def test_the_event_of_a_log_in_says_that_its_device_is_new(owner: MailApi) -> None:
    log_in(owner, "Thief")
    tokens = owner.api.login()
    page = owner.api.client.get("/me/events", headers=tokens.bearer).json()
    details = [e["details"] for e in page["events"] if e["type"] == "login_succeeded"]
    assert sorted(map(str, details)) == ["{'new_device': True}", "{}"]


def test_after_a_changed_password_only_the_device_that_changed_it_is_known(
    owner: MailApi,
) -> None:
    log_in(owner, "Thief")
    tokens = owner.api.login()
    body = {"current_password": PASSWORD, "new_password": NEW}
    owner.api.expect(200, "POST", "/me/password", json=body, headers=tokens.bearer)
    before = told(owner)
    owner.api.login(password=NEW)
    assert told(owner) == before
    headers = {"User-Agent": "Thief"}
    body = {"email": EMAIL, "password": NEW}
    owner.api.client.post("/login", json=body, headers=headers)
    assert told(owner) == before + 1


def test_after_a_reset_only_the_device_that_made_it_is_known(owner: MailApi) -> None:
    owner.post("/password/forgot", email=EMAIL)
    token = owner.mail(EMAIL, "Choose a new password").token
    owner.api.client.headers["User-Agent"] = "Phone/1"
    assert owner.post("/password/reset", token=token, new_password=NEW) == 204
    owner.api.login(password=NEW)
    assert told(owner) == 0
    owner.api.client.headers["User-Agent"] = "Owner/1"
    owner.api.login(password=NEW)
    assert told(owner) == 1


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("sign_out_user", "You can log in again at any time."),
        ("disable_user", "The account is disabled"),
        ("set_password", "another password now"),
    ],
)
def test_what_an_operator_ends_is_told(owner: MailApi, command: str, says: str) -> None:
    runtime = owner.runtime
    user_id = administration.get_by_email(runtime.db, EMAIL).id
    operator = Operator(runtime.mails)
    if command == "set_password":
        administration.set_password(runtime.db, runtime.passwords.hasher, user_id, NEW, operator)
    else:
        getattr(administration, command)(runtime.db, user_id, operator)
    notice = owner.mail(EMAIL, "You were logged out")
    for text in (notice.text, notice.html):
        assert "An administrator of" in text
        assert says in " ".join(text.split())
