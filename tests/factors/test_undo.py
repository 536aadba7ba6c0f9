"""The attack: a thief of a fresh session adds a factor, which a reset by mail leaves.

The link in the notice gives the account back to who reads the mailbox.
"""

from dataclasses import dataclass, field

import pytest

from authapi.crypto.challenges import Challenge
from authapi.db import users
from authapi.db.database import Database
from authapi.services.accounts import administration
from authapi.services.factors import passkey_registration
from authapi.services.factors.passkeys import spend
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support import passkeys
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.factors import App, begin, enrol, first_step, log_in_with, second_step
from tests.support.mails import ReadMail
from tests.support.passkeys import NEW as NEW_PASSKEY
from tests.support.passkeys import NEW_OPTIONS, ask, fresh_by_passkey, registered, send
from tests.support.provider import Provider, log_in, statuses_of

NEW = "the owner's own phrase"
THIEFS = "thief@evil.example"
HOUR = 3600


@dataclass
class Theft:
    """An account with a verified address, its mailbox, and what the thief has."""

    mail_api: MailApi
    clock: TestClock
    provider: Provider
    key: Authenticator = field(default_factory=Authenticator)
    apps: list[App] = field(default_factory=list)

    @property
    def api(self) -> Api:
        return self.mail_api.api

    def add(self, kind: str, session: Tokens) -> None:
        """Add the thief's own factor by a session."""
        if kind == "passkey":
            registered(self.api, session, self.key)
        elif kind == "totp":
            self.apps.append(enrol(self.api, session, self.clock))
        else:
            self.link("thief", session)

    def link(self, subject: str, session: Tokens) -> str:
        token = self.provider.token(sub=subject, email=None)
        sent = {"provider": self.provider.name, "id_token": token}
        answer = self.api.expect(201, "POST", "/me/identities", json=sent, headers=session.bearer)
        return str(answer.json()["id"])

    def remove(self, factor_id: str, session: Tokens) -> None:
        self.api.expect(204, "DELETE", f"/me/factors/{factor_id}", headers=session.bearer)

    def get_in(self, kind: str) -> Tokens | None:
        """Log in by the thief's factor alone."""
        if kind == "totp":
            return None
        answer = (
            passkeys.logged_in(self.api, self.key)
            if kind == "passkey"
            else log_in(self.api, self.provider, self.provider.token(sub="thief", email=None))
        )
        return Tokens(answer.json()) if answer.status_code == 200 else None

    def notices(self, to: str = EMAIL) -> list[ReadMail]:
        return [mail for mail in self.mail_api.mails(to) if "new way to log in" in mail.subject]

    def undo(self, mail: ReadMail) -> int:
        return self.mail_api.post("/email/undo", token=mail.token)

    def reset(self) -> None:
        self.clock.advance(1)
        assert self.mail_api.post("/password/forgot", email=EMAIL) == 202
        newest = [mail for mail in self.mail_api.mails(EMAIL) if "new password" in mail.subject][-1]
        assert self.mail_api.post("/password/reset", token=newest.token, new_password=NEW) == 204

    def login_again(self) -> Tokens:
        """The password went with the factor: the mailbox gives another one."""
        self.reset()
        return self.api.login(password=NEW)

    def kinds(self, session: Tokens) -> list[str]:
        answer = self.api.expect(200, "GET", "/me/factors", headers=session.bearer)
        return [factor["kind"] for factor in answer.json()]


@pytest.fixture
def theft(make_mail_api: MakeMailApi, clock: TestClock, provider: Provider) -> Theft:
    mail_api = make_mail_api(limit_links="", identity_providers=[provider.setting])
    mail_api.api.register()
    mail_api.verify(EMAIL)
    return Theft(mail_api, clock, provider)


@pytest.mark.parametrize(
    ("kind", "is_shut_out", "gets_in"),
    [("passkey", True, True), ("totp", True, False), ("identity", False, True)],
)
def test_the_owner_gets_the_account_back(
    theft: Theft, kind: str, is_shut_out: bool, gets_in: bool
) -> None:
    theft.add(kind, theft.api.login())
    theft.reset()
    owners = theft.mail_api.post("/login", email=EMAIL, password=NEW)
    assert owners == (400 if is_shut_out else 200)
    thiefs = theft.get_in(kind)
    assert bool(thiefs) == gets_in
    [notice] = theft.notices()
    assert "192.0.2.1" in notice.text
    assert theft.undo(notice) == 204
    assert thiefs is None or theft.api.verify(thiefs) == 401
    assert theft.get_in(kind) is None
    owner = theft.login_again()
    kept = theft.api.expect(200, "GET", "/me/export", headers=owner.bearer).json()
    assert kept["factors"] == []
    types = [event["type"] for event in kept["events"]]
    assert types.count("factor_undone") == 1
    assert types.count("factor_removed") == (2 if kind == "totp" else 1)  # with recovery codes
    assert any("was removed" in mail.subject for mail in theft.mail_api.mails(EMAIL))


def test_it_works_once_for_whoever_is_first(theft: Theft) -> None:
    theft.add("passkey", theft.api.login())
    [notice] = theft.notices()
    body = {"token": notice.token}
    jobs = [lambda: theft.api.client.post("/email/undo", json=body)] * 4
    statuses = statuses_of(*jobs)
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 400, 503}  # the database may be busy


def refusal(theft: Theft, token: str) -> tuple[int, object]:
    answer = theft.api.client.post("/email/undo", json={"token": token})
    return answer.status_code, answer.json()


def test_a_link_that_is_used_or_forged_is_refused_alike(theft: Theft) -> None:
    theft.add("passkey", theft.api.login())
    [used] = theft.notices()
    assert theft.undo(used) == 204
    session = theft.login_again()
    forged = used.token[:-1] + ("A" if used.token[-1] != "A" else "B")
    told = [refusal(theft, token) for token in (used.token, forged)]
    assert told[0][0] == 400
    assert told[0] == told[1]
    assert theft.api.verify(session) == 204


def test_it_shuts_out_who_has_removed_the_factor_again(theft: Theft) -> None:
    """The mail and the page say that everybody is logged out."""
    session = theft.api.login()
    theft.remove(theft.link("thief", session), session)
    assert theft.undo(theft.notices()[0]) == 204
    assert theft.api.verify(session) == 401
    assert theft.login_again()


def test_who_knows_the_password_adds_no_other_factor_after_it(theft: Theft) -> None:
    """Five notices are out, so the sixth factor would get none, and the reset would leave it."""
    session = theft.api.login()
    for number in range(5):
        theft.link(f"thief {number}", session)
        theft.clock.advance(1)
    assert theft.undo(theft.notices()[0]) == 204
    assert theft.mail_api.post("/login", email=EMAIL, password=PASSWORD) == 401
    assert theft.kinds(theft.login_again()) == []


def test_it_works_for_72_hours(theft: Theft) -> None:
    theft.add("identity", theft.api.login())
    [notice] = theft.notices()
    theft.clock.advance(72 * HOUR + 1)
    assert theft.undo(notice) == 400
    assert theft.kinds(theft.api.login()) == ["identity"]


def test_what_was_added_by_the_thiefs_factor_goes_too(theft: Theft) -> None:
    """Else a thief would add another one by it, and remove the one that the mail is about."""
    theft.add("passkey", theft.api.login())
    theft.clock.advance(1)
    session = fresh_by_passkey(theft.api, theft.key)
    second = registered(theft.api, session)
    first, _ = theft.api.expect(200, "GET", "/me/factors", headers=session.bearer).json()
    theft.remove(first["id"], session)
    notice, without_link = theft.notices()
    assert "token=" not in without_link.text
    assert theft.undo(notice) == 204
    passkeys.assert_refused(passkeys.logged_in(theft.api, second))
    assert theft.login_again()


def test_an_app_that_was_begun_before_and_confirmed_after_goes_too(theft: Theft) -> None:
    app = begin(theft.api, theft.api.login(), theft.clock)
    theft.clock.advance(1)
    theft.add("passkey", theft.api.login())
    theft.clock.advance(1)
    session = fresh_by_passkey(theft.api, theft.key)
    sent = {"id": app.id, "code": app.code()}
    theft.api.expect(200, "POST", "/me/totp/confirm", json=sent, headers=session.bearer)
    assert theft.undo(theft.notices()[0]) == 204
    assert theft.kinds(theft.login_again()) == []


def test_a_thief_can_not_hide_it_behind_many_notices(theft: Theft) -> None:
    session = theft.api.login()
    for number in range(6):
        theft.remove(theft.link(f"thief {number}", session), session)
    theft.add("passkey", session)
    notices = theft.notices()
    assert len(notices) == 5  # so there is none about the passkey
    assert theft.undo(notices[-1]) == 204
    assert theft.kinds(theft.login_again()) == []


def test_what_was_there_before_stays(theft: Theft) -> None:
    theft.link("owner", theft.api.login())
    theft.clock.advance(1)
    theft.add("totp", theft.api.login())
    owners, thiefs = theft.notices()
    assert theft.undo(thiefs) == 204
    assert theft.kinds(theft.login_again()) == ["identity"]
    assert theft.undo(owners) == 204  # two steps back


def test_the_link_of_a_later_factor_ends_with_it(theft: Theft) -> None:
    theft.link("thief", theft.api.login())
    theft.clock.advance(1)
    theft.add("passkey", theft.api.login())
    first, second = theft.notices()
    assert theft.undo(first) == 204
    owner = theft.login_again()
    theft.clock.advance(1)
    enrol(theft.api, owner, theft.clock)
    assert theft.undo(second) == 400


def test_a_second_factor_that_was_proven_needs_no_link(theft: Theft) -> None:
    """Else the mailbox alone would be enough to remove it."""
    app = enrol(theft.api, theft.api.login(), theft.clock)
    registered(theft.api, log_in_with(theft.api, app))
    with_link, without = theft.notices()
    assert "token=" in with_link.html
    assert "token=" not in without.text + without.html


def test_an_address_that_was_not_verified_gets_no_link(theft: Theft) -> None:
    """A stranger may read there, because of a typing error."""
    session = theft.api.register_and_login("typo@example.com")
    registered(theft.api, session)
    [notice] = theft.notices("typo@example.com")
    assert "token=" not in notice.text + notice.html


def test_an_account_whose_only_way_in_goes_gets_a_password_by_mail(theft: Theft) -> None:
    session = theft.api.login()
    theft.add("passkey", session)
    with theft.mail_api.runtime.db.begin() as tx:
        users.set_password(tx, passkeys.user_id(theft.api, session), "!")
    assert theft.undo(theft.notices()[0]) == 204
    theft.reset()
    assert theft.api.login(password=NEW)


def test_a_log_in_that_waits_ends(theft: Theft) -> None:
    theft.add("totp", theft.api.login())
    waiting = first_step(theft.api)["auth_session"]
    assert theft.undo(theft.notices()[0]) == 204
    answer = second_step(theft.api, waiting, totp_code=theft.apps[0].next_code())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_session")


def test_a_change_of_address_that_the_thief_asked_for_ends(theft: Theft) -> None:
    session = theft.api.login()
    asked = {"email": THIEFS, "password": PASSWORD}
    theft.api.expect(202, "POST", "/me/email", json=asked, headers=session.bearer)
    theft.add("identity", session)  # a second factor would end it at once
    change = theft.mail_api.mail(THIEFS)
    assert theft.undo(theft.notices()[0]) == 204
    assert theft.mail_api.post("/email/verify", token=change.token) == 400


@sqlite_only
def test_the_notice_is_in_the_language_of_the_browser(theft: Theft) -> None:
    headers = {**theft.api.login().bearer, "Accept-Language": "de"}
    token = theft.provider.token(sub="thief", email=None)
    sent = {"provider": theft.provider.name, "id_token": token}
    theft.api.expect(201, "POST", "/me/identities", json=sent, headers=headers)
    notice = theft.mail_api.mail(EMAIL, "neuen Weg")
    assert "Die Anmeldung über einen anderen Dienst" in notice.text
    assert theft.undo(notice) == 204


# The sister: a thief who knows the password changes the address first, so that the notice is his.


def change_address(theft: Theft, session: Tokens, email: str = THIEFS) -> None:
    asked = {"email": email, "password": PASSWORD}
    theft.api.expect(202, "POST", "/me/email", json=asked, headers=session.bearer)
    token = theft.mail_api.mail(email, "new e-mail address").token
    assert theft.mail_api.post("/email/verify", token=token) == 204
    theft.clock.advance(1)


def test_an_undone_address_takes_the_factors_since_along(theft: Theft) -> None:
    session = theft.api.login()
    change_address(theft, session)
    theft.add("passkey", session)
    [thiefs] = theft.notices(THIEFS)
    assert theft.undo(theft.mail_api.mail(EMAIL, "was changed")) == 204
    assert theft.get_in("passkey") is None
    assert any("was removed" in mail.subject for mail in theft.mail_api.mails(EMAIL))
    theft.reset()
    owner = theft.api.login(password=NEW)
    theft.clock.advance(1)
    enrol(theft.api, owner, theft.clock)
    assert theft.undo(thiefs) == 400


def test_the_owner_needs_both_links_where_the_factor_came_first(theft: Theft) -> None:
    session = theft.api.login()
    theft.add("identity", session)
    theft.clock.advance(1)
    change_address(theft, session)
    assert theft.undo(theft.notices()[0]) == 204
    assert theft.undo(theft.mail_api.mail(EMAIL, "was changed")) == 204
    assert theft.kinds(theft.login_again()) == []


def test_an_undone_address_leaves_factors_that_an_older_one_proved(theft: Theft) -> None:
    app = enrol(theft.api, theft.api.login(), theft.clock)
    session = log_in_with(theft.api, app)
    change_address(theft, session)
    registered(theft.api, session)
    assert theft.undo(theft.mail_api.mail(EMAIL, "was changed")) == 204
    session = log_in_with(theft.api, app)
    assert set(theft.kinds(session)) == {"totp", "recovery_codes", "passkey"}


def test_an_undone_address_leaves_what_has_replaced_an_older_one(theft: Theft) -> None:
    """Else the old mailbox alone would be enough, where a second factor was there all the time."""
    app = enrol(theft.api, theft.api.login(), theft.clock)
    session = log_in_with(theft.api, app)
    change_address(theft, session)
    registered(theft.api, session, theft.key)
    theft.remove(app.id, session)
    assert theft.undo(theft.mail_api.mail(EMAIL, "was changed")) == 204
    assert theft.get_in("passkey")
    assert theft.mail_api.post("/login", email=EMAIL, password=PASSWORD) == 400


def test_a_link_reaches_an_account_that_is_disabled_meanwhile(theft: Theft) -> None:
    """It is mailed once. Without it, the thief's factor is good again once the account is."""
    session = theft.api.login()
    user_id, db = passkeys.user_id(theft.api, session), theft.mail_api.runtime.db
    theft.add("passkey", session)
    administration.disable_user(db, user_id)
    [notice] = theft.notices()
    assert theft.undo(notice) == 400
    administration.enable_user(db, user_id)
    assert theft.undo(notice) == 204
    assert theft.get_in("passkey") is None


def test_an_undone_address_that_was_never_verified_leaves_them(theft: Theft) -> None:
    session = theft.api.register_and_login("typo@example.com")
    change_address(theft, session, "bob@example.com")
    key = registered(theft.api, session)
    assert theft.undo(theft.mail_api.mail("typo@example.com", "was changed")) == 204
    assert passkeys.logged_in(theft.api, key).status_code == 200


def test_a_session_that_ends_while_its_request_is_under_way_adds_no_factor(
    theft: Theft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a thief's request could slip in behind what shuts him out."""
    session = theft.api.login()
    user_id = passkeys.user_id(theft.api, session)

    def end_and_go_on(db: Database, challenge: Challenge) -> None:
        administration.sign_out_user(theft.mail_api.runtime.db, user_id)
        spend(db, challenge)

    monkeypatch.setattr(passkey_registration, "spend", end_and_go_on)
    asked = ask(theft.api, NEW_OPTIONS, session)
    made = Authenticator().create(asked["options"])
    answer = send(theft.api, NEW_PASSKEY, asked, made, headers=session.bearer)
    passkeys.assert_error(answer, 401, "invalid_token")
    assert theft.kinds(theft.api.login()) == []
