"""The kind: an answer tells whether an address has an account, or what state its account is in.

Compared are every byte of an answer, and what the request costs: hashes are counted in
test_hash_timing, statements and commits here. How long each takes: `make bench ROWS=timing`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from authapi.db import links, users
from authapi.db.clock import read_clock
from authapi.db.links import Purpose, StoredLink
from authapi.services.accounts.administration import disable_user
from authapi.services.accounts.registration import NewUser, add_user
from tests.mail.conftest import MailApi, MakeMailApi, make_mail_api, sends_by_itself
from tests.support.api import PASSWORD
from tests.support.costs import Answer, counted

__all__ = ["make_mail_api", "sends_by_itself"]  # fixtures

LIMIT = 2
HAVE_AN_ACCOUNT = ("known", "disabled", "unverified", "limited", "known-waiting")
KEPT = "kept"  # the old address of an account, which may undo the change
WAITING = ("waiting", "known-waiting")  # a registration waits for the proof of the address
STATES = (*HAVE_AN_ACCOUNT, KEPT, "waiting")
WRONG, NEW = "none of these is right", "not a common phrase"
BODIES = {
    "/login": {"password": WRONG},
    "/register": {"password": NEW},
    "/register with a username": {"password": NEW, "username": "chosen-{number}"},
    "/password/forgot": {},
    "/email/verify/resend": {},
    "/me/email": {"password": PASSWORD},
}


@dataclass
class Visitor:
    """Asks one route from an address of its own each time."""

    mail_api: MailApi
    route: str
    subject: dict[str, str]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, state: str) -> httpx.Response:
        number = next(self.numbers)
        more = {key: value.format(number=number) for key, value in BODIES[self.route].items()}
        body = {"email": f"{state}@example.com", **more}
        headers = {**self.subject, "X-Forwarded-For": f"198.51.100.{number}"}
        path = self.route.partition(" ")[0]
        return self.mail_api.api.client.post(path, json=body, headers=headers)

    def answer(self, state: str) -> Answer:
        return Answer.of(self.ask(state))


def undo_link(user_id: str, email: str, now: float) -> StoredLink:
    return StoredLink("an-undo-link", user_id, Purpose.UNDO, email, email, now, now + 86400)


@pytest.fixture(params=BODIES)
def visitor(request: pytest.FixtureRequest, make_mail_api: MakeMailApi) -> Visitor:
    """Return one for a route; two names are asked for until they are limited."""
    mail_api = make_mail_api(
        registration_confirms_email=True,
        login_needs_verified_email=True,
        trusted_proxies="192.0.2.1",
        limit_links=f"{LIMIT}/hour",
        limit_login_account=f"{LIMIT}/hour",
    )
    runtime = mail_api.runtime
    mail_api.api.expect(200, "GET", "/readyz")
    for state in (*HAVE_AN_ACCOUNT, "subject"):
        user = NewUser(f"{state}@example.com", PASSWORD)
        account = add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
        with runtime.db.begin() as tx:
            if state != "unverified":
                users.verify_email(tx, account.id)
            if state == "known":
                links.add(tx, undo_link(account.id, f"{KEPT}@example.com", read_clock(tx)))
        if state == "disabled":
            disable_user(runtime.db, account.id)
    route: str = request.param
    tokens = mail_api.api.login("subject@example.com")
    visitor = Visitor(mail_api, route, tokens.bearer if route == "/me/email" else {})
    for state in WAITING:
        body = {"email": f"{state}@example.com", "password": NEW}
        mail_api.api.expect(202, "POST", "/register", json=body)
    for state in ("limited", "limited-unknown") * LIMIT:
        visitor.ask(state)
    visitor.ask("warm-up")  # what is read or made for the first request
    return visitor


def test_an_answer_has_the_same_bytes_for_each_state_of_an_account(visitor: Visitor) -> None:
    unknown, limited = visitor.answer("unknown"), visitor.answer("limited-unknown")
    assert {state: visitor.answer(state) for state in STATES} == {
        "known": unknown,
        "disabled": unknown,
        "unverified": unknown,
        "kept": unknown,
        "waiting": unknown,
        "known-waiting": unknown,
        "limited": limited,
    }
    if visitor.route != "/login":  # a limit of log-ins refuses, for unknown names too
        assert limited == unknown


def test_a_request_costs_the_same_for_each_state_of_an_account(visitor: Visitor) -> None:
    costs = {}
    for state in (*STATES, "unknown", "limited-unknown"):
        with counted(visitor.mail_api.runtime.db) as cost:
            visitor.ask(state)
        costs[state] = cost
    limited = costs.pop("limited"), costs.pop("limited-unknown")
    assert len({cost.counts for cost in costs.values()}) == 1, costs
    assert limited[0].counts == limited[1].counts, limited
    if visitor.route != "/login":
        assert limited[0].counts == costs["unknown"].counts, (limited, costs["unknown"])
