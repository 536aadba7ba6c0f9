"""The kind: a link that was asked for outlives what shut out whoever asked for it.

A thief who knows the password asks for another address, or for a new password. Then the owner, or
an operator, shuts him out. Nothing that he asked for before works any more.
"""

from collections.abc import Callable

import jwt
import pytest

from authapi.services.accounts import administration
from tests.mail.conftest import MailApi, MakeMailApi, make_mail_api, sends_by_itself
from tests.support.api import EMAIL, PASSWORD, Tokens
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import enrol

__all__ = ["make_mail_api", "sends_by_itself"]  # fixtures

THIEFS, NEW = "thief@evil.example", "the owner's own phrase"
Act = Callable[[MailApi, Tokens], object]
pytestmark = sqlite_only


def change_the_password(mail_api: MailApi, owner: Tokens) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    mail_api.api.expect(200, "POST", "/me/password", headers=owner.bearer, json=body)


def reset_the_password(mail_api: MailApi, _owner: Tokens) -> None:
    mail_api.post("/password/forgot", email=EMAIL)
    token = mail_api.mail(EMAIL, "new password").token
    assert mail_api.post("/password/reset", token=token, new_password=NEW) == 204


def set_the_password(mail_api: MailApi, owner: Tokens) -> None:
    hasher = mail_api.runtime.passwords.hasher
    administration.set_password(mail_api.runtime.db, hasher, id_of(owner), NEW)


def disable_and_enable(mail_api: MailApi, owner: Tokens) -> None:
    administration.disable_user(mail_api.runtime.db, id_of(owner))
    administration.enable_user(mail_api.runtime.db, id_of(owner))


def set_another_address_and_the_old_one(mail_api: MailApi, owner: Tokens) -> None:
    for email in ("moved@example.com", EMAIL):
        administration.set_email(mail_api.runtime.db, id_of(owner), email, is_verified=False)


def id_of(owner: Tokens) -> str:
    return str(jwt.decode(owner.access, options={"verify_signature": False})["sub"])


ACTS: tuple[Act, ...] = (
    *(change_the_password, reset_the_password, set_the_password, disable_and_enable),
    set_another_address_and_the_old_one,
)


@pytest.fixture
def mail_api(make_mail_api: MakeMailApi) -> MailApi:
    return make_mail_api()


@pytest.mark.parametrize("is_sent_late", [False, True])
@pytest.mark.parametrize("act", ACTS)
def test_another_address_that_a_thief_asked_for(
    mail_api: MailApi, act: Act, is_sent_late: bool
) -> None:
    owner = mail_api.api.register_and_login()
    asked = {"email": THIEFS, "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", headers=owner.bearer, json=asked)
    before = [] if is_sent_late else mail_api.mails(THIEFS)
    act(mail_api, owner)
    for mail in before or mail_api.mails(THIEFS):
        assert mail_api.post("/email/verify", token=mail.token) == 400
        assert mail_api.post("/email/verify", email=THIEFS, code=mail.code) == 400


@pytest.mark.parametrize("is_sent_late", [False, True])
def test_another_address_that_a_thief_asked_for_before_there_was_a_second_factor(
    mail_api: MailApi, clock: TestClock, is_sent_late: bool
) -> None:
    """From then on a fresh log-in with it is asked for."""
    owner = mail_api.api.register_and_login()
    asked = {"email": THIEFS, "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", headers=owner.bearer, json=asked)
    before = [] if is_sent_late else mail_api.mails(THIEFS)
    enrol(mail_api.api, owner, clock)
    for mail in before or mail_api.mails(THIEFS):
        assert mail_api.post("/email/verify", token=mail.token) == 400


@pytest.mark.parametrize("act", [act for act in ACTS if act is not reset_the_password])
def test_a_new_password_that_a_thief_asked_for(mail_api: MailApi, act: Act) -> None:
    owner = mail_api.api.register_and_login()
    mail_api.post("/password/forgot", email=EMAIL)
    mail = mail_api.mail(EMAIL, "new password")
    act(mail_api, owner)
    body = {"new_password": "the thief's own phrase"}
    assert mail_api.post("/password/reset", token=mail.token, **body) == 400
    assert mail_api.post("/password/reset", email=EMAIL, code=mail.code, **body) == 400


def test_the_way_back_to_an_address_that_nobody_verified_ends_with_a_reset(
    mail_api: MailApi,
) -> None:
    """Who registered it first, with an address of his own, has nothing left."""
    tokens = mail_api.api.register_and_login(THIEFS)
    asked = {"email": EMAIL, "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", headers=tokens.bearer, json=asked)
    assert mail_api.post("/email/verify", token=mail_api.mail(EMAIL).token) == 204
    undo = mail_api.mail(THIEFS, "changed").token
    reset_the_password(mail_api, tokens)
    assert mail_api.post("/email/undo", token=undo) == 400


@pytest.mark.parametrize("is_sent_late", [False, True])
def test_no_link_outlives_an_address_that_an_operator_sets(
    mail_api: MailApi, is_sent_late: bool
) -> None:
    owner = mail_api.api.register_and_login()
    before = [] if is_sent_late else mail_api.mails(EMAIL)
    set_another_address_and_the_old_one(mail_api, owner)
    for mail in before or mail_api.mails(EMAIL):
        if "Verify" in mail.subject:
            assert mail_api.post("/email/verify", token=mail.token) == 400


def test_no_way_back_outlives_an_address_that_an_operator_sets(mail_api: MailApi) -> None:
    tokens = mail_api.api.register_and_login()
    mail_api.verify(EMAIL)
    asked = {"email": "second@example.com", "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", headers=tokens.bearer, json=asked)
    assert mail_api.post("/email/verify", token=mail_api.mail("second@example.com").token) == 204
    undo = mail_api.mail(EMAIL, "changed").token
    db = mail_api.runtime.db
    administration.set_email(db, id_of(tokens), "third@example.com", is_verified=True)
    assert mail_api.post("/email/undo", token=undo) == 400


def test_no_link_works_while_the_account_is_disabled(mail_api: MailApi) -> None:
    """This one stays: who is enabled again still has to verify the address."""
    owner = mail_api.api.register_and_login()
    token = mail_api.mail(EMAIL).token
    administration.disable_user(mail_api.runtime.db, id_of(owner))
    assert mail_api.post("/email/verify", token=token) == 400
    administration.enable_user(mail_api.runtime.db, id_of(owner))
    assert mail_api.post("/email/verify", token=token) == 204


def test_a_registration_that_waited_while_registration_was_open(make_mail_api: MakeMailApi) -> None:
    """A resend lets it wait for another day, again and again."""
    mail_api = make_mail_api(registration_confirms_email=True)
    assert mail_api.post("/register", email=THIEFS, password=PASSWORD) == 202
    mail = mail_api.mail(THIEFS)
    closed = make_mail_api(registration_confirms_email=True, registration="closed")
    assert closed.post("/email/verify", token=mail.token) == 400
    assert closed.post("/email/verify", email=THIEFS, code=mail.code) == 400
    mails = len(closed.mails())
    assert closed.post("/email/verify/resend", email=THIEFS) == 202
    assert len(closed.mails()) == mails, "its link would be refused"
    assert mail_api.post("/email/verify", token=mail.token) == 204, "where it is open"


@pytest.mark.parametrize("is_asked_before", [True, False])
@pytest.mark.parametrize("path", ["/password/forgot", "/email/verify/resend"])
def test_no_link_is_sent_while_the_account_is_disabled(
    mail_api: MailApi, path: str, *, is_asked_before: bool
) -> None:
    owner = mail_api.api.register_and_login()
    before, db = len(mail_api.mails()), mail_api.runtime.db
    if is_asked_before:
        assert mail_api.post(path, email=EMAIL) == 202
    administration.disable_user(db, id_of(owner))
    if not is_asked_before:
        assert mail_api.post(path, email=EMAIL) == 202
    assert len(mail_api.mails()) == before
    administration.enable_user(db, id_of(owner))
    assert len(mail_api.mails()) == before
    assert mail_api.post(path, email=EMAIL) == 202
    assert len(mail_api.mails()) == before + 1
