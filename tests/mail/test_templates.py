"""Templates: ours work, an operator's are tried at the start, and a new folder is a language."""

from pathlib import Path

import pytest

from authapi.errors import OperatorError
from authapi.services.mail.messages import LINKS, TEMPLATES, Languages, Mail, MailKind
from authapi.services.mail.writing import SAMPLES, Writer
from authapi.services.operation.start import prepare
from tests.mail.conftest import MakeMailApi
from tests.support.api import EMAIL
from tests.support.databases import sqlite_only
from tests.support.settings import NEVER_OPENED, settings_for

LOCALES = sorted(path.name for path in TEMPLATES.iterdir() if path.is_dir())


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_mail_of_ours_is_there_in_each_language(locale: str, kind: MailKind) -> None:
    settings = settings_for(NEVER_OPENED)
    has_link = kind in LINKS
    mail = Mail(kind, "ada&co@example.com", locale=locale, details=SAMPLES.get(kind, {}))
    text = Writer(settings, Languages(settings)).write(
        mail, token="A-TOKEN" if has_link else "", code="BCDF-GHJK" if has_link else ""
    )
    assert text.subject
    assert text.plain.isprintable() or "\n" in text.plain
    assert ("token=A-TOKEN" in text.plain) == has_link
    assert ("token=A-TOKEN" in text.html) == has_link
    assert "{{" not in text.plain + text.html
    assert f'lang="{locale}"' in text.html
    assert (TEMPLATES / locale / f"{kind}.txt").is_file()


def test_what_a_client_sends_is_escaped_in_html() -> None:
    settings = settings_for(NEVER_OPENED)
    device = {"ip": "192.0.2.1", "user_agent": "<script>alert(1)</script>"}
    kind = MailKind.PASSWORD_CHANGED
    mail = Mail(kind, EMAIL, details={**SAMPLES[kind], "device": device})
    assert "<script>" not in Writer(settings, Languages(settings)).write(mail).html


def start(make_mail_api: MakeMailApi, folder: Path) -> None:
    """Do what a server does before its first answer."""
    runtime = make_mail_api(mail_templates=folder).runtime
    prepare(runtime.db, runtime.settings, runtime.tokens.keys.ring)


def refusal(make_mail_api: MakeMailApi, folder: Path) -> str:
    with pytest.raises(OperatorError) as caught:
        start(make_mail_api, folder)
    return str(caught.value)


BROKEN = {
    "{% if %}": "en/reset_password.txt, line 3",
    "{{ new_email }}": "'new_email' is undefined",  # it is in another mail
    "{{ nothing_of_ours }}": "'nothing_of_ours' is undefined",
    "{{ device.ip.there.is.none }}": "en/reset_password",
    "{{ 1 // 0 }}": "en/reset_password",
    "{% include 'en/missing.txt' %}": "missing.txt",
    "{% extends 'nothing.html' %}": "nothing.html",
    "{{ link | no_filter }}": "line 3",
}


@sqlite_only
@pytest.mark.parametrize("body", BROKEN)
def test_a_broken_template_is_one_sentence_with_its_place(
    make_mail_api: MakeMailApi, tmp_path: Path, body: str
) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "reset_password.txt").write_text(f"Subject: x\n\n{body}\n")
    sentence = refusal(make_mail_api, tmp_path)
    assert BROKEN[body] in sentence
    assert "\n" not in sentence


@sqlite_only
@pytest.mark.parametrize("text", ["", "\n", "Hello\n", "Subject:\n\nx\n", "Subject:   \n\nx"])
def test_a_mail_without_a_subject_is_one_sentence(
    make_mail_api: MakeMailApi, tmp_path: Path, text: str
) -> None:
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "new_device.txt").write_text(text)
    sentence = refusal(make_mail_api, tmp_path)
    assert sentence == "fr/new_device.txt has to begin with `Subject: `."


@sqlite_only
def test_a_file_that_is_no_text_is_one_sentence(make_mail_api: MakeMailApi, tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "new_device.html").write_bytes(b"\xff\xfe")
    assert "en/new_device" in refusal(make_mail_api, tmp_path)


@sqlite_only
@pytest.mark.parametrize("is_file", [True, False])
def test_a_missing_folder_is_one_sentence(
    make_mail_api: MakeMailApi, tmp_path: Path, *, is_file: bool
) -> None:
    if is_file:
        (tmp_path / "templates").touch()
    sentence = refusal(make_mail_api, tmp_path / "templates")
    assert sentence == "AUTHAPI_MAIL_TEMPLATES names no folder."


@sqlite_only
@pytest.mark.parametrize("name", ["fr", "pt-BR"])
def test_a_folder_is_a_language(make_mail_api: MakeMailApi, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "templates"
    (folder / name).mkdir(parents=True)
    (folder / name / "reset_password.txt").write_text("Subject: Salut\n\n{{ link }}\n")
    mail_api = make_mail_api(mail_templates=folder, limit_links="")
    mail_api.api.register(locale=f"{name.lower()}-x")
    mail_api.post("/password/forgot", email=EMAIL, locale=name)
    mail = mail_api.mail(EMAIL, "Salut")
    assert mail.message["Content-Language"] == name
    assert mail_api.mail(EMAIL, "Verify")  # what is missing there is ours


@sqlite_only
def test_good_templates_start(make_mail_api: MakeMailApi, tmp_path: Path) -> None:
    (tmp_path / "fr").mkdir()
    start(make_mail_api, tmp_path)
