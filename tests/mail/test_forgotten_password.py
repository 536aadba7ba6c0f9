"""A forgotten password: a mail, a link or a code, a new password."""

import pytest
from sqlalchemy import select

from authapi.db.models import OutboxMail
from authapi.services.accounts.importing.products import product_of
from authapi.services.accounts.importing.storing import Fate, import_users
from authapi.services.accounts.importing.users import Record
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock
from tests.support.together import together

NEW = "another quite long phrase"
MINUTE = 60


def test_the_link_sets_a_new_password(mail_api: MailApi) -> None:
    api = mail_api.api
    tokens = api.register_and_login()
    assert mail_api.post("/password/forgot", email="ADA@example.com") == 202
    mail = mail_api.mail(EMAIL, "password")
    assert mail.text.count("http://localhost:8000/password/reset?token=") == 1
    assert mail_api.post("/password/reset", token=mail.token, new_password=NEW) == 204
    assert api.verify(tokens) == 401
    assert api.refresh(tokens.refresh).status_code == 401
    assert mail_api.post("/login", email=EMAIL, password=PASSWORD) == 401
    assert api.login(password=NEW)
    assert "was changed" in mail_api.mail(EMAIL, "was changed").subject


def test_an_imported_account_without_a_password_gets_one_by_mail(mail_api: MailApi) -> None:
    runtime = mail_api.api.app.state.runtime
    product = product_of("authapi", project=None, now=0)
    records = [("line 1", Record(email=EMAIL))]
    [outcome] = import_users(runtime.db, runtime.usernames, product, records)
    assert outcome.fate is Fate.WITHOUT_PASSWORD
    assert mail_api.post("/login", email=EMAIL, password="!") == 401
    assert mail_api.post("/password/forgot", email=EMAIL) == 202
    token = mail_api.mail(EMAIL, "password").token
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 204
    assert mail_api.api.login(password=NEW)


@pytest.mark.parametrize("spelled", [str.lower, lambda code: code.replace("-", " "), str.strip])
def test_the_code_does_so_on_another_device(mail_api: MailApi, spelled: type[str]) -> None:
    mail_api.api.register()
    mail_api.post("/password/forgot", email=EMAIL)
    code = spelled(mail_api.mail(EMAIL, "password").code)
    body = {"email": EMAIL.upper(), "code": code, "new_password": NEW}
    assert mail_api.post("/password/reset", **body) == 204
    assert mail_api.api.login(password=NEW)


def test_a_reset_verifies_the_address_and_works_once(mail_api: MailApi) -> None:
    mail_api.api.register()
    mail_api.post("/password/forgot", email=EMAIL)
    mail = mail_api.mail(EMAIL, "password")
    assert mail_api.post("/password/reset", token=mail.token, new_password=NEW) == 204
    profile = mail_api.api.client.get("/me", headers=mail_api.api.login(password=NEW).bearer)
    assert profile.json()["email_verified"] is True
    bad = [{"token": mail.token}, {"email": EMAIL, "code": mail.code}, {"token": "x"}]
    bad += [{"email": EMAIL, "code": "BBBB-BBBB"}, {"email": "nobody@example.com", "code": "B"}]
    answers = {
        mail_api.api.client.post("/password/reset", json={**body, "new_password": NEW}).content
        for body in bad
    }
    assert len(answers) == 1
    assert b'"invalid_link"' in answers.pop()


def test_a_refused_password_uses_nothing_up(mail_api: MailApi) -> None:
    mail_api.api.register()
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mail(EMAIL, "password").token
    assert mail_api.post("/password/reset", token=token, new_password="short") == 422
    assert mail_api.post("/password/reset", token=token, new_password=EMAIL) == 422
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 204


def test_it_works_for_fifteen_minutes(mail_api: MailApi, clock: TestClock) -> None:
    mail_api.api.register()
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mail(EMAIL, "password").token
    clock.advance(15 * MINUTE + 1)
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 400


def test_a_newer_mail_ends_the_older_one(mail_api: MailApi, clock: TestClock) -> None:
    mail_api.api.register()
    tokens = []
    for _ in range(2):
        mail_api.post("/password/forgot", email=EMAIL)
        tokens.append(mail_api.mails(EMAIL)[-1].token)
        clock.advance(1)
    assert mail_api.post("/password/reset", token=tokens[0], new_password=NEW) == 400
    assert mail_api.post("/password/reset", token=tokens[1], new_password=NEW) == 204


def test_a_code_dies_after_five_wrong_tries_and_the_link_lives(mail_api: MailApi) -> None:
    mail_api.api.register()
    mail_api.post("/password/forgot", email=EMAIL)
    mail = mail_api.mail(EMAIL, "password")
    wrong = {"email": EMAIL, "code": "BBBB-BBBB", "new_password": NEW}
    assert [mail_api.post("/password/reset", **wrong) for _ in range(5)] == [400] * 5
    assert mail_api.post("/password/reset", **{**wrong, "code": mail.code}) == 400
    assert mail_api.post("/password/reset", token=mail.token, new_password=NEW) == 204


@pytest.mark.parametrize("proof", ["link", "code", "both"])
def test_sixteen_parallel_uses_are_one_success(make_mail_api: MakeMailApi, proof: str) -> None:
    """Of a code, five are looked at: a sixth could be a guess."""
    mail_api = make_mail_api(limit_links="", limit_login_address="")
    mail_api.api.register()
    mail_api.post("/password/forgot", email=EMAIL)
    mail = mail_api.mail(EMAIL, "password")
    link = {"token": mail.token, "new_password": NEW}
    code = {"email": EMAIL, "code": mail.code, "new_password": NEW}
    bodies = {"link": [link] * 16, "code": [code] * 16, "both": [link, code] * 8}[proof]
    calls = [lambda body=body: mail_api.post("/password/reset", **body) for body in bodies]
    answers = together(*calls)
    assert answers.count(204) == 1
    assert set(answers) <= {204, 400, 503}


def test_a_changed_password_ends_the_mail(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mail(EMAIL, "password").token
    body = {"current_password": PASSWORD, "new_password": NEW}
    changed = mail_api.api.client.post("/me/password", json=body, headers=tokens.bearer)
    assert changed.status_code < 300
    assert mail_api.post("/password/reset", token=token, new_password=NEW + "!") == 400


@pytest.mark.parametrize("email", ["nobody@example.com", EMAIL])
def test_the_answer_is_the_same_for_each_address(mail_api: MailApi, email: str) -> None:
    mail_api.api.register()
    known = len(mail_api.mails())
    answer = mail_api.api.client.post("/password/forgot", json={"email": email})
    assert (answer.status_code, answer.content) == (202, b"")
    assert len(mail_api.mails()) - known == (email == EMAIL)
    depth = mail_api.runtime.mail_sender.depth()
    assert depth == (0, 0.0)


def test_a_mail_for_nobody_leaves_no_row(mail_api: MailApi) -> None:
    assert mail_api.post("/password/forgot", email="nobody@example.com") == 202
    assert not mail_api.mails()
    with mail_api.runtime.db.connect() as connection:
        assert not connection.scalars(select(OutboxMail.id)).all()


def test_the_sixth_mail_of_an_hour_is_not_sent_and_nobody_learns_of_it(
    make_mail_api: MakeMailApi, clock: TestClock
) -> None:
    mail_api = make_mail_api(limit_links="2/hour", trusted_proxies="192.0.2.1")
    mail_api.api.register()
    before = len(mail_api.mails())
    for number in range(4):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        answer = mail_api.api.client.post(
            "/password/forgot", json={"email": EMAIL}, headers=headers
        )
        assert answer.status_code == 202
    assert len(mail_api.mails()) - before == 2
    for _ in range(3):
        last = mail_api.post("/password/forgot", email="somebody@example.com")
    assert last == 429


def test_a_reset_lifts_the_limits_that_strangers_used_up(make_mail_api: MakeMailApi) -> None:
    mail_api = make_mail_api(
        limit_links="", limit_login_pair="2/hour", limit_login_account="2/hour"
    )
    mail_api.api.register()
    wrong = {"email": EMAIL, "password": "not the password"}
    assert [mail_api.post("/login", **wrong) for _ in range(3)] == [401, 401, 429]
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mail(EMAIL, "password").token
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 204
    assert mail_api.api.login(password=NEW)
