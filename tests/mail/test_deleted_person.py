"""The kind: a table that still tells of a person who has deleted the account.

What is sealed tells nothing in a dump, but it does to who has the secret: no row of it stays.
"""

import pytest
from sqlalchemy import select

from authapi.db.models import Model, OutboxMail
from authapi.services.mail.errors import RefusedMailError
from tests.mail.conftest import MailApi, MakeMailApi
from tests.support.api import PASSWORD
from tests.support.clock import TestClock

OLD, NEW, NEXT = (f"unmistakable-{which}@Erased.example" for which in ("old", "new", "next"))
NAME, AGENT = "unmistakable-name", "UnmistakableBrowser/1.0"


class Refusing:
    """A mail server that refuses for good."""

    def send(self, *_mail: object) -> None:
        raise RefusedMailError("550 no such mailbox")


def told(mail_api: MailApi, traces: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the traces that each table holds, in any column and any letters."""
    with mail_api.runtime.db.connect() as connection:
        rows = {
            table.name: repr(connection.execute(select(table)).all()).lower()
            for table in Model.metadata.sorted_tables
        }
    found = {
        name: {trace for trace in traces if trace.lower() in text} for name, text in rows.items()
    }
    return {name: traces for name, traces in found.items() if traces}


@pytest.fixture
def mail_api(make_mail_api: MakeMailApi) -> MailApi:
    return make_mail_api()


def test_no_table_tells_of_a_person_who_is_gone(mail_api: MailApi, clock: TestClock) -> None:
    mail_api.api.client.headers["User-Agent"] = AGENT
    user = mail_api.api.register(OLD, username=NAME)
    assert mail_api.post("/email/verify", token=mail_api.mail(OLD).token) == 204
    tokens = mail_api.api.login(OLD)
    for address in (NEW, NEXT):  # the first is done and can be undone, the second one is pending
        body = {"email": address, "password": PASSWORD}
        mail_api.api.expect(202, "POST", "/me/email", headers=tokens.bearer, json=body)
        mail_api.mails()
        if address == NEW:
            assert mail_api.post("/email/verify", token=mail_api.mail(NEW).token) == 204
    mail_api.mails()
    mail_api.runtime.mail_sender.__dict__["_delivery"] = Refusing()
    mail_api.post("/password/forgot", email=NEW)
    assert mail_api.runtime.mail_sender.send_due() == 1
    clock.advance(1)
    exported = mail_api.api.expect(200, "GET", "/me/export", headers=tokens.bearer).json()
    pending = {(mail["purpose"], mail["email"]) for mail in exported["pending_mails"]}
    assert {("undo", OLD), ("change", NEXT)} <= pending
    traces = (OLD, NEW, NEXT, NAME, AGENT, "192.0.2.1")
    assert {"users", "sessions", "events", "links"} <= set(told(mail_api, traces))

    mail_api.api.expect(
        204, "POST", "/me/delete", headers=tokens.bearer, json={"password": PASSWORD}
    )
    while mail_api.runtime.row_follower.follow():
        pass  # rows follow in batches
    assert told(mail_api, traces) == {}
    with mail_api.runtime.db.connect() as connection:
        waiting = select(OutboxMail.id).where(OutboxMail.sealed.is_not(None))
        assert connection.execute(waiting).all() == []
    assert "events" in told(mail_api, (user["id"],)), "what happened to the id stays"
