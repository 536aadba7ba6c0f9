"""Settings of mails and pages: a bad one is one sentence, before anything is sent."""

import pytest

from authapi.config import load_settings
from authapi.errors import CommandError

SENDER = "login@auth.example"
PAGES = ("verify_url", "reset_url", "undo_url", "passkey_enroll_url", "passkey_manage_url")

SMTP = "smtp://u:hunter2{}@mail.example"  # in two parts: no scan takes it for a real one


def refusal(**overrides: object) -> str:
    with pytest.raises(CommandError) as caught:
        load_settings(**overrides)
    [sentence] = str(caught.value).splitlines()
    return sentence


@pytest.mark.parametrize(
    "url",
    [
        "mail.example:587",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:99999",
        "smtp://mail.example:x",
        "smtp://mail.example/path",
        "smtp://mail example",
        "smtps://mail.example?starttls=maybe",
        "smtp://hunter2@mail.example",
        "smtp://u:hunter2#x@mail.example",
        "smtp://u:hunter2ä@mail.example",
        SMTP.format("%C3%A4"),
        SMTP.format("%0D%0A"),
    ],
)
def test_a_mail_server_that_cannot_be_meant_is_refused_and_not_shown(url: str) -> None:
    sentence = refusal(smtp_url=url, mail_from=SENDER)
    assert sentence.startswith("AUTHAPI_SMTP_URL ")
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example",
        "smtps://u%40x.example:p%3Aw%20x@mail.example:465",
        "smtp://[::1]:25",
        "smtp://mail.example:587/?starttls=required",
    ],
)
def test_a_mail_server_is_accepted(url: str) -> None:
    assert load_settings(smtp_url=url, mail_from=SENDER).smtp_url == url


@pytest.mark.parametrize(
    "sender",
    [
        "nobody",
        "a@",
        "@b.example",
        "a@b.example, c@d.example",
        "Name <a@b.example",
        "Name a@b.example",
        "Ada <a@b.example> x",
        "a b@c.example",
        "a@b c",
        "a@b..example",
        "a@-b.example",
        "a@b.example\nBcc: c@d.example",
        "a\u2028@b.example",
    ],
)
def test_a_sender_that_is_not_one_address_is_refused(sender: str) -> None:
    assert refusal(mail_from=sender) == (
        "AUTHAPI_MAIL_FROM has to be one e-mail address: a@b.example, or Name <a@b.example>."
    )


@pytest.mark.parametrize(
    "sender",
    [
        SENDER,
        "<a@b.example>",
        "Ada <a@b.example>",
        '"Ada, Countess" <a@b.example>',
        "Möbel & Co. <a@bücher.example>",
        "root@localhost",
    ],
)
def test_a_sender_is_accepted(sender: str) -> None:
    assert load_settings(mail_from=sender).mail_from == sender


@pytest.mark.parametrize("name", [*PAGES, "breached_passwords_url"])
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "/reset",
        "https://",
        "https://u:p@app.example/",
        "http://app.example/",
        "https://app.example/a b",
        "https://app.example:99999/",
    ],
)
def test_a_page_that_cannot_be_meant_is_refused(name: str, url: str) -> None:
    assert refusal(**{name: url}).startswith(f"AUTHAPI_{name.upper()} ")


@pytest.mark.parametrize(
    "url", ["https://ranges.example/range", "https://ranges.example/range/", "http://127.0.0.1:9/"]
)
def test_a_range_service_is_accepted_and_its_url_ends_with_a_slash(url: str) -> None:
    assert load_settings(breached_passwords_url=url).breached_passwords_url == url.rstrip("/") + "/"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("url", ["https://app.example/account?a=b", "http://localhost:5173/x"])
def test_a_page_is_accepted_as_it_is(name: str, url: str) -> None:
    assert getattr(load_settings(**{name: url}), name) == url
    assert getattr(load_settings(**{name: ""}), name) is None


@pytest.mark.parametrize("name", [*PAGES, "breached_passwords_url"])
def test_only_a_page_that_gets_no_token_has_a_fragment(name: str) -> None:
    url = "https://app.example/#/account"
    if name.startswith("passkey_"):
        assert getattr(load_settings(**{name: url}), name) == url
    else:
        assert "without a fragment" in refusal(**{name: url})


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_bound(name: str) -> None:
    longest = "https://app.example/".ljust(2000, "a")
    assert getattr(load_settings(**{name: longest}), name) == longest
    assert refusal(**{name: f"{longest}a"}).startswith(f"AUTHAPI_{name.upper()} has to have at ")


def test_a_range_service_has_no_query() -> None:
    assert "without a query" in refusal(breached_passwords_url="https://ranges.example/?hash=")


def test_a_check_that_fails_closed_needs_a_service() -> None:
    sentence = refusal(breached_passwords_fail_closed=True)
    assert "AUTHAPI_BREACHED_PASSWORDS_URL" in sentence
