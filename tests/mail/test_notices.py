"""Notices: who owns an account hears of what happened to it."""

from tests.mail.conftest import MailApi
from tests.support.api import EMAIL, PASSWORD

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
