"""The pages that links open, as a browser without scripts uses them."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx
import pytest

from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.api import EMAIL, PASSWORD
from tests.support.mails import ReadMail
from tests.support.passkeys import assert_refused, logged_in, registered

NEW = "another quite long phrase"


class Form(HTMLParser):
    """The form of a page, filled in as its fields are."""

    def __init__(self, page: httpx.Response) -> None:
        super().__init__()
        self.action, self.values = "", dict[str, str]()
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = str(given["action"])
        if tag == "input":
            self.values[str(given["name"])] = given.get("value") or ""


def submit(mail_api: MailApi, page: httpx.Response, **typed: str) -> httpx.Response:
    form = Form(page)
    return mail_api.api.client.post(form.action, data={**form.values, **typed})


def open_link(mail_api: MailApi, text: str) -> httpx.Response:
    link = re.search(r"https?://\S+", text)
    assert link
    parts = urlsplit(link[0])
    return mail_api.api.client.get(f"{parts.path}?{parts.query}")


def asked_to_reset(mail_api: MailApi) -> ReadMail:
    mail_api.post("/password/forgot", email=EMAIL)
    return mail_api.mail(EMAIL, "new password")


def test_a_forgotten_password_needs_no_script(mail_api: MailApi) -> None:
    mail_api.api.register()
    asked = submit(mail_api, mail_api.api.client.get("/password/forgot"), email=EMAIL)
    assert "on its way" in asked.text
    page = open_link(mail_api, mail_api.mail(EMAIL, "new password").text)
    short = submit(mail_api, page, new_password="1234567")
    assert short.status_code == 422
    assert 'role="alert"' in short.text
    assert "1234567" not in short.text
    assert "You can log in now" in submit(mail_api, short, new_password=NEW).text
    assert mail_api.api.login(password=NEW)
    assert submit(mail_api, page, new_password=NEW).status_code == 400


def test_a_code_is_typed_on_another_device(mail_api: MailApi) -> None:
    mail_api.api.register()
    page = mail_api.api.client.get("/email/verify")
    wrong = submit(mail_api, page, email=EMAIL, code="BBBB-BBBB")
    assert (wrong.status_code, EMAIL in wrong.text) == (400, True)
    code = mail_api.mail(EMAIL).code
    assert "is verified" in submit(mail_api, wrong, email=EMAIL, code=code).text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_a_link_changes_nothing(mail_api: MailApi, method: str) -> None:
    mail_api.api.register()
    mail = mail_api.mail(EMAIL)
    for _ in range(3):
        opened = mail_api.api.client.request(method, f"/email/verify?token={mail.token}")
        assert opened.status_code == 200
    assert mail_api.post("/email/verify", token=mail.token) == 204


def test_a_page_runs_nothing_and_tells_no_other_site_of_the_token(mail_api: MailApi) -> None:
    evil = '"><script>alert(1)</script>'
    page = mail_api.api.client.get("/password/reset", params={"token": evil})
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert (
        mail_api.api.client.get("/pages/style.css").headers["content-type"].startswith("text/css")
    )


def test_a_page_speaks_the_visitors_language(mail_api: MailApi) -> None:
    german = {"Accept-Language": "de-CH, en;q=0.5"}
    page = mail_api.api.client.get("/password/forgot", headers=german)
    assert '<html lang="de">' in page.text
    assert "Passwort vergessen?" in page.text
    odd = mail_api.api.client.get("/password/forgot", headers={"Accept-Language": ";q=x,,*"})
    assert '<html lang="en">' in odd.text


def test_what_is_wrong_with_a_password_is_said_in_the_visitors_language(mail_api: MailApi) -> None:
    mail_api.api.register()
    page = open_link(mail_api, asked_to_reset(mail_api).text)
    for language, said in (("de", "rät man zuerst"), ("en", "guessed first")):
        mail_api.api.client.headers["Accept-Language"] = language
        refused = submit(mail_api, page, new_password="password123")
        assert said in refused.text


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(b"{}", "application/json"), (b"\xff=\xff", "application/x-www-form-urlencoded"), (b"", "")],
)
def test_what_is_no_form_is_refused_on_the_page(
    mail_api: MailApi, content: bytes, media_type: str
) -> None:
    headers = {"Content-Type": media_type}
    for path in ("email/verify", "email/undo", "password/forgot", "password/reset"):
        answer = mail_api.api.client.post(f"/pages/{path}", content=content, headers=headers)
        assert answer.status_code == 422
        assert answer.headers["content-type"].startswith("text/html")


def test_the_code_is_typed_where_the_mail_was_asked_for(mail_api: MailApi) -> None:
    mail_api.api.register()
    asked = submit(mail_api, mail_api.api.client.get("/password/forgot"), email=EMAIL)
    assert Form(asked).values == {"email": EMAIL, "code": "", "new_password": ""}
    code = mail_api.mail(EMAIL, "new password").code
    assert "You can log in now" in submit(mail_api, asked, code=code, new_password=NEW).text
    assert mail_api.api.login(password=NEW)


def test_a_mail_to_verify_is_asked_for_again(mail_api: MailApi) -> None:
    mail_api.api.register()
    first = mail_api.mail(EMAIL)
    old = open_link(mail_api, first.text)
    ask = mail_api.api.client.get("/email/verify/resend")
    answers = [submit(mail_api, ask, email=email) for email in (EMAIL, "nobody@example.com")]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[1].text == answers[0].text.replace(EMAIL, "nobody@example.com")
    (newest,) = [mail for mail in mail_api.mails(EMAIL) if mail.token != first.token]
    refused = submit(mail_api, old)
    assert refused.status_code == 400
    assert 'href="/email/verify/resend"' in refused.text
    assert "is verified" in submit(mail_api, answers[0], code=newest.code).text


def test_a_page_without_its_token_has_no_button_that_can_only_fail(mail_api: MailApi) -> None:
    page = mail_api.api.client.get("/email/undo")
    assert "<button" not in page.text
    assert "whole link" in page.text


def test_the_title_of_a_page_that_refuses_is_what_is_wrong(mail_api: MailApi) -> None:
    """A screen reader reads the title first."""
    page = mail_api.api.client.get("/email/verify", params={"token": "old"})
    assert "<title>This link or code is not valid" in submit(mail_api, page).text


def test_an_undo_works_by_its_button(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    body = {"password": PASSWORD, "email": "ada@new.example"}
    mail_api.api.expect(202, "POST", "/me/email", json=body, headers=tokens.bearer)
    change = open_link(mail_api, mail_api.mail("ada@new.example").text)
    assert submit(mail_api, change).status_code == 200
    undo = open_link(mail_api, mail_api.mail(EMAIL, "was changed").text)
    undone = submit(mail_api, undo)
    assert "The change is undone" in undone.text
    assert 'href="/password/forgot"' in undone.text
    assert mail_api.api.login()


def test_a_factor_is_undone_by_its_button_and_by_no_opening(mail_api: MailApi) -> None:
    mail_api.api.register()
    mail_api.verify(EMAIL)
    passkey = registered(mail_api.api, mail_api.api.login())
    notice = mail_api.mail(EMAIL, "new way to log in")
    pages = [open_link(mail_api, notice.text) for _ in range(3)]
    assert {page.status_code for page in pages} == {200}
    assert logged_in(mail_api.api, passkey).status_code == 200
    undone = submit(mail_api, pages[0])
    assert "The change is undone" in undone.text
    assert 'href="/password/forgot"' in undone.text
    assert_refused(logged_in(mail_api.api, passkey))
    assert submit(mail_api, pages[0]).status_code == 400


def test_a_refused_form_names_its_fields(mail_api: MailApi) -> None:
    page = mail_api.api.client.get("/password/reset")
    refused = submit(mail_api, page, email=EMAIL, code="x", new_password="with\ta tab inside")
    assert refused.status_code == 422
    assert "New password: This is not accepted." in refused.text
    german = {"Accept-Language": "de"}
    empty = mail_api.api.client.post("/pages/password/forgot", data={}, headers=german)
    assert "E-Mail-Adresse: " in empty.text


def test_the_button_of_a_registration_begins_the_account(make_mail_api: MakeMailApi) -> None:
    mail_api = make_mail_api(registration_confirms_email=True)
    assert mail_api.post("/register", email=EMAIL, password=PASSWORD) == 202
    page = open_link(mail_api, mail_api.mail(EMAIL).text)
    assert mail_api.post("/login", email=EMAIL, password=PASSWORD) == 403
    assert "You can log in now" in submit(mail_api, page).text
    assert mail_api.api.login()
