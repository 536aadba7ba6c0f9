"""The kind: an import gives a password to an account, and not its owner knows that password.

An import is repeated while the old product goes on. Its file has what anybody typed there.
"""

from collections import Counter

from authapi.services.accounts.importing.products import product_of
from authapi.services.accounts.importing.storing import Fate, import_users
from authapi.services.accounts.importing.users import Record
from tests.mail.conftest import MailApi, mail_api, make_mail_api, sends_by_itself
from tests.support.api import EMAIL, PASSWORD
from tests.support.clock import TestClock
from tests.support.factors import enrol

__all__ = ["mail_api", "make_mail_api", "sends_by_itself"]  # fixtures

PRODUCT = product_of("authapi", project=None, now=0)


def import_one(mail_api: MailApi, *, knows: bool = True, is_verified: bool = True) -> Fate:
    """Import the user, with the hash of PASSWORD or without one. Return what became of it."""
    runtime = mail_api.runtime
    mail_api.api.expect(200, "GET", "/readyz")
    record = Record(email=EMAIL, email_verified=is_verified)
    if knows:
        record = Record(record, password_hash=runtime.passwords.hasher.hash(PASSWORD))
    outcomes = import_users(runtime.db, runtime.usernames, PRODUCT, [("line 1", record)])
    (fate,) = Counter(outcome.fate for outcome in outcomes)
    return fate


def log_in(mail_api: MailApi) -> int:
    return mail_api.post("/login", email=EMAIL, password=PASSWORD)


def test_a_password_that_an_undo_link_has_removed_does_not_come_back(
    mail_api: MailApi, clock: TestClock
) -> None:
    """A thief knows it, and has added a factor by it."""
    assert import_one(mail_api) is Fate.IMPORTED
    enrol(mail_api.api, mail_api.api.login(), clock)
    link = [mail for mail in mail_api.mails(EMAIL) if "?token=" in mail.text][-1]
    assert mail_api.post("/email/undo", token=link.token) == 204
    assert import_one(mail_api) is Fate.ALREADY_HERE
    assert log_in(mail_api) == 401


def test_who_never_proved_an_address_there_gets_into_no_account_that_proved_it_here(
    mail_api: MailApi,
) -> None:
    """The account began by an identity, or another file."""
    assert import_one(mail_api, knows=False) is Fate.WITHOUT_PASSWORD
    assert import_one(mail_api, is_verified=False) is Fate.ALREADY_HERE
    assert log_in(mail_api) == 401
    assert import_one(mail_api) is Fate.GIVEN_A_PASSWORD
    assert log_in(mail_api) == 200


def test_a_later_file_gives_one_where_nobody_has_proven_the_address(mail_api: MailApi) -> None:
    assert import_one(mail_api, knows=False, is_verified=False) is Fate.WITHOUT_PASSWORD
    assert import_one(mail_api, is_verified=False) is Fate.GIVEN_A_PASSWORD
    assert log_in(mail_api) == 200
