"""With REGISTRATION_CONFIRMS_EMAIL an account begins when its address is proven."""

from collections.abc import Callable
from threading import Event

import pytest
from sqlalchemy import select

from authapi.db import users
from authapi.db.models import PendingRegistration
from authapi.errors import InvalidLink, UsernameTaken
from authapi.services.accounts.administration import get_by_email
from authapi.services.accounts.email_verification import ReturnedProof, verify_email
from authapi.services.accounts.importing.products import product_of
from authapi.services.accounts.importing.storing import Fate, import_users
from authapi.services.accounts.importing.users import Record
from authapi.services.accounts.registration import NewUser, add_user
from authapi.services.mail.links import Proof
from authapi.services.operation.purge import purge_all
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock
from tests.support.contender import Contender
from tests.support.together import together

THEIRS = "a stranger's own phrase"
DAY = 86400
CONFIRM = "Confirm your registration"
HAS_ONE = "You have an account"


@pytest.fixture
def mail_api(make_mail_api: MakeMailApi) -> MailApi:
    mail_api = make_mail_api(registration_confirms_email=True, limit_links="")
    mail_api.api.expect(200, "GET", "/readyz")
    return mail_api


def register(mail_api: MailApi, email: str = EMAIL, password: str = PASSWORD, **more: str) -> None:
    body = {"email": email, "password": password, **more}
    mail_api.api.expect(202, "POST", "/register", json=body)


def add(mail_api: MailApi, email: str = EMAIL, username: str | None = None) -> str:
    """Add an account as the operator does; return its id."""
    runtime, wanted = mail_api.runtime, NewUser(email, PASSWORD, username)
    return add_user(runtime.db, runtime.passwords.hasher, wanted, runtime.usernames).id


def import_one(mail_api: MailApi, email: str, username: str | None = None) -> Fate:
    runtime, product = mail_api.runtime, product_of("authapi", project=None, now=0)
    records = [("line 1", Record(email=email, username=username))]
    (outcome,) = import_users(runtime.db, runtime.usernames, product, records)
    return outcome.fate


def token(mail_api: MailApi, email: str = EMAIL) -> str:
    """Return the token of the newest mail to confirm a registration."""
    return [mail for mail in mail_api.mails(email) if CONFIRM in mail.subject][-1].token


def log_in(mail_api: MailApi, password: str = PASSWORD, email: str = EMAIL) -> int:
    return mail_api.post("/login", email=email, password=password)


def waiting(mail_api: MailApi) -> list[str]:
    with mail_api.runtime.db.connect() as connection:
        return list(connection.scalars(select(PendingRegistration.email)))


@pytest.mark.parametrize("by", ["token", "code"])
def test_an_account_begins_when_its_address_is_proven(mail_api: MailApi, by: str) -> None:
    register(mail_api, username="Ada")
    assert log_in(mail_api) == 403
    mail = mail_api.mail(EMAIL, CONFIRM)
    assert "only if it was you, just now" in mail.text
    proof = {"token": mail.token} if by == "token" else {"email": EMAIL, "code": mail.code}
    assert mail_api.post("/email/verify", **proof) == 204
    for again in ({"token": mail.token}, {"email": EMAIL, "code": mail.code}):
        assert mail_api.post("/email/verify", **again) == 400
    tokens = mail_api.api.login()
    body = mail_api.api.client.get("/me", headers=tokens.bearer).json()
    assert (body["email"], body["email_verified"], body["username"]) == (EMAIL, True, "Ada")
    assert waiting(mail_api) == []
    assert len(mail_api.mails(EMAIL)) == 1  # the device that registered is known
    events = mail_api.api.client.get("/me/events", headers=tokens.bearer).json()["events"]
    kinds = [one["type"] for one in events]
    assert sorted(kinds) == ["email_verified", "login_succeeded", "user_registered"]


def test_a_known_address_is_told_to_its_owner_alone(mail_api: MailApi) -> None:
    add(mail_api)
    register(mail_api, password=THEIRS)
    assert log_in(mail_api, THEIRS) == 403
    assert log_in(mail_api) == 200
    notice = mail_api.mail(EMAIL, HAS_ONE)
    assert "token=" not in notice.text
    mail_api.post("/email/verify/resend", email=EMAIL)  # the account is not verified yet
    assert mail_api.post("/email/verify", token=mail_api.mail(EMAIL, "Verify").token) == 204
    assert log_in(mail_api) == 200
    assert log_in(mail_api, THEIRS) == 403


def test_an_owner_who_registers_ends_what_a_stranger_registered_before(
    mail_api: MailApi, clock: TestClock
) -> None:
    """Pre-hijacking: the stranger's mail lies in the owner's mailbox."""
    register(mail_api, password=THEIRS, username="theirs")
    before = token(mail_api)
    clock.advance(1)
    register(mail_api, username="ada")
    assert mail_api.post("/email/verify", token=before) == 400
    assert log_in(mail_api, THEIRS) == 401
    assert mail_api.post("/email/verify", token=token(mail_api)) == 204
    assert log_in(mail_api, THEIRS) == 401
    assert log_in(mail_api) == 200
    register(mail_api, "eve@example.com", username="theirs")


def test_a_reset_leaves_nothing_to_who_registered_the_address_of_an_account(
    mail_api: MailApi,
) -> None:
    add(mail_api)
    register(mail_api, password=THEIRS)
    mail_api.post("/password/forgot", email=EMAIL)
    reset = mail_api.mail(EMAIL, "new password").token
    body = {"token": reset, "new_password": "the owner's new phrase"}
    assert mail_api.post("/password/reset", **body) == 204
    mail_api.post("/email/verify/resend", email=EMAIL)
    mail_api.mails()
    assert log_in(mail_api, THEIRS) == 403  # as before: nobody learns of the reset
    assert log_in(mail_api, "the owner's new phrase") == 200
    with mail_api.runtime.db.connect() as connection:
        link = connection.scalars(select(PendingRegistration.link_id)).one()
    theirs = mail_api.runtime.mails.links.secrets.token(link)  # which no mail has
    assert mail_api.post("/email/verify", token=theirs) == 400


def test_sixteen_uses_make_one_account(mail_api: MailApi) -> None:
    register(mail_api, username="ada")
    mail, runtime = mail_api.mail(EMAIL, CONFIRM), mail_api.runtime
    proofs = [Proof(mail.token), Proof(None, EMAIL, mail.code)]

    def use(proof: Proof) -> Callable[[], str]:
        returned = ReturnedProof(proof, "192.0.2.1", "en")

        def call() -> str:
            verify_email(runtime.db, runtime.mails, runtime.usernames, runtime.limits, returned)
            return "made"

        return call

    # Four tries of the code at most: the fifth wrong one would end it.
    outcomes = together(*(use(proofs[number % 4 == 0]) for number in range(16)))
    assert outcomes.count("made") == 1
    assert {type(other) for other in outcomes if other != "made"} == {InvalidLink}
    assert log_in(mail_api) == 200


def by_operator(mail_api: MailApi) -> None:
    add(mail_api)


def by_import(mail_api: MailApi) -> None:
    assert import_one(mail_api, EMAIL) is Fate.WITHOUT_PASSWORD


def by_change(mail_api: MailApi) -> None:
    add(mail_api, "other@example.com")
    tokens = mail_api.api.login("other@example.com")
    body = {"email": EMAIL, "password": PASSWORD}
    mail_api.api.expect(202, "POST", "/me/email", json=body, headers=tokens.bearer)
    change = mail_api.mail(EMAIL, "Your new e-mail address").token
    assert mail_api.post("/email/verify", token=change) == 204


@pytest.mark.parametrize("way", [by_operator, by_import, by_change])
def test_an_account_that_came_another_way_wins(
    mail_api: MailApi, way: Callable[[MailApi], None]
) -> None:
    register(mail_api, password=THEIRS)
    link = token(mail_api)
    way(mail_api)
    account = get_by_email(mail_api.runtime.db, EMAIL)
    assert mail_api.post("/email/verify", token=link) == 400
    assert get_by_email(mail_api.runtime.db, EMAIL) == account
    assert log_in(mail_api, THEIRS) == 403  # as if the address were free


def test_who_confirms_while_the_operator_adds_the_account_waits_and_loses(
    mail_api: MailApi,
) -> None:
    register(mail_api, password=THEIRS)
    proof, runtime = Proof(token(mail_api)), mail_api.runtime
    returned = ReturnedProof(proof, "192.0.2.1", "en")
    late = Contender(
        runtime.db,
        lambda: verify_email(
            runtime.db, runtime.mails, runtime.usernames, runtime.limits, returned
        ),
    )
    wanted = users.NewAccount("a" * 22, EMAIL, EMAIL, None, None, "none", "")
    with runtime.db.begin() as tx:
        users.add(tx, wanted)
        late.run_into_the_lock()
    with pytest.raises(InvalidLink):
        late.result()
    assert get_by_email(runtime.db, EMAIL).id == "a" * 22


def test_the_mail_can_be_asked_for_again(mail_api: MailApi, clock: TestClock) -> None:
    register(mail_api)
    first = mail_api.mail(EMAIL, CONFIRM)
    for _ in range(5):
        assert mail_api.post("/email/verify", email=EMAIL, code="BCDF-GHJK") == 400
    assert mail_api.post("/email/verify", email=EMAIL, code=first.code) == 400  # used up
    clock.advance(DAY - 1)
    assert mail_api.post("/email/verify/resend", email=EMAIL) == 202
    second = mail_api.mails(EMAIL)[-1]
    clock.advance(DAY - 1)
    assert mail_api.post("/email/verify", token=first.token) == 400
    assert mail_api.post("/email/verify", email=EMAIL, code=second.code) == 204


def test_a_late_mail_of_an_older_registration_is_not_sent(
    mail_api: MailApi, clock: TestClock
) -> None:
    register(mail_api, password=THEIRS)  # its mail waits
    clock.advance(1)
    register(mail_api)
    assert len(mail_api.mails(EMAIL)) == 1
    assert mail_api.post("/email/verify", token=token(mail_api)) == 204
    assert log_in(mail_api) == 200


def test_what_nobody_proves_is_gone_after_a_day(mail_api: MailApi, clock: TestClock) -> None:
    register(mail_api, username="ada")
    link = token(mail_api)
    clock.advance(DAY)
    assert log_in(mail_api) == 401
    assert mail_api.post("/email/verify", token=link) == 400
    assert mail_api.post("/email/verify/resend", email=EMAIL) == 202
    assert len(mail_api.mails(EMAIL)) == 1
    done = purge_all(mail_api.runtime.db, mail_api.runtime.settings, Event())
    assert done["pending_registrations"] == 1
    assert waiting(mail_api) == []


def test_a_waiting_registration_keeps_its_username(mail_api: MailApi, clock: TestClock) -> None:
    register(mail_api, username="Ada")
    add(mail_api, "eve@example.com")
    eve = mail_api.api.login("eve@example.com")
    other = {"email": "mallory@example.com", "password": PASSWORD, "username": "ADA"}
    assert mail_api.post("/register", **other) == 409
    answer = mail_api.api.client.patch("/me", json={"username": "ada"}, headers=eve.bearer)
    assert (answer.status_code, answer.json()["error"]) == (409, "username_taken")
    with pytest.raises(UsernameTaken):
        add(mail_api, "mallory@example.com", "ada")
    assert import_one(mail_api, "mallory@example.com", "ada") is Fate.REFUSED
    register(mail_api, username="ada")  # again, from the same mailbox
    clock.advance(DAY)
    register(mail_api, "mallory@example.com", username="ada")
    assert mail_api.post("/email/verify", token=token(mail_api, "mallory@example.com")) == 204


@pytest.mark.parametrize("way", ["operator", "import"])
def test_the_person_whose_registration_waits_may_have_its_username(
    mail_api: MailApi, way: str
) -> None:
    register(mail_api, username="ada")
    link = token(mail_api)
    if way == "operator":
        add(mail_api, EMAIL, "ada")
    else:
        assert import_one(mail_api, EMAIL, "ada") is Fate.WITHOUT_PASSWORD
    assert mail_api.post("/email/verify", token=link) == 400


def test_of_two_who_register_a_username_at_once_one_gets_it(mail_api: MailApi) -> None:
    def send(number: int) -> Callable[[], int]:
        body = {"email": f"user{number}@example.com", "password": PASSWORD, "username": "ada"}
        return lambda: mail_api.post("/register", **body)

    assert sorted(map(str, together(*map(send, range(4))))) == ["202", "409", "409", "409"]


def test_an_address_that_only_waits_is_unknown_to_the_reset(mail_api: MailApi) -> None:
    register(mail_api)
    mail_api.mails()
    assert mail_api.post("/password/forgot", email=EMAIL) == 202
    assert len(mail_api.mails(EMAIL)) == 1


def test_a_deleted_account_takes_what_waits_for_its_address_along(mail_api: MailApi) -> None:
    add(mail_api)
    register(mail_api, password=THEIRS)
    tokens = mail_api.api.login()
    body = {"password": PASSWORD}
    mail_api.api.expect(204, "POST", "/me/delete", json=body, headers=tokens.bearer)
    assert waiting(mail_api) == []
    assert mail_api.mails() == []


def test_what_waits_can_be_proven_after_the_setting_was_switched_off(
    mail_api: MailApi, make_mail_api: MakeMailApi
) -> None:
    register(mail_api)
    link = token(mail_api)
    later = make_mail_api()
    assert log_in(later) == 401
    assert later.post("/email/verify", token=link) == 204
    assert log_in(later) == 200
