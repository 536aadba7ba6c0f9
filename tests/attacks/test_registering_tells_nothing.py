"""The kind: who registers somebody's address learns afterwards whether it has an account.

One story for addresses in each state: what is answered, and what it costs, is the same at each
step. So is how long the registration and its username are kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from authapi.crypto.passwords import PasswordHasher, Verification
from authapi.db import links, users
from authapi.db.clock import read_clock
from authapi.db.links import Purpose, StoredLink
from authapi.services.accounts.administration import disable_user
from authapi.services.accounts.registration import NewUser, add_user
from tests.mail.conftest import MailApi, MakeMailApi, make_mail_api, sends_by_itself
from tests.support.api import PASSWORD
from tests.support.clock import TestClock
from tests.support.costs import Answer, counted
from tests.support.databases import sqlite_only

__all__ = ["make_mail_api", "sends_by_itself"]  # fixtures

MINE, OTHER, WRONG = "a stranger's phrase", "another phrase of mine", "none of these is right"
HAVE_AN_ACCOUNT = ("known", "disabled", "unverified", "known-waiting")
WAITING = ("waiting", "waiting-twice", "known-waiting")
STATES = ("kept", *HAVE_AN_ACCOUNT, "waiting", "waiting-twice")
HOUR = 3600
Request = tuple[str, dict[str, str]]
Step = Request | float | None  # a request; seconds to pass; None: all mails are sent


def story(state: str) -> Iterator[Step]:
    """Yield what a stranger does."""
    email, name = f"{state}@example.com", f"name-{state}"
    mine = {"email": email, "password": MINE, "username": name}
    yield "/login", {"email": email, "password": MINE}
    yield "/register", mine
    yield "/login", {"email": email, "password": MINE}
    yield None
    yield "/login", {"email": email, "password": MINE}
    yield "/login", {"username": name, "password": MINE}
    yield "/login", {"email": email, "password": WRONG}
    yield "/login", {"username": name, "password": WRONG}
    yield "/register", {**mine, "email": f"other-{state}@example.com"}
    yield "/register", {**mine, "password": OTHER}
    yield "/login", {"email": email, "password": MINE}
    yield "/login", {"email": email, "password": OTHER}
    yield "/email/verify", {"email": email, "code": "BCDFGHJK"}
    yield "/email/verify", {"token": "not-a-token"}
    yield 20 * HOUR
    yield "/email/verify/resend", {"email": email}
    yield None
    yield "/password/forgot", {"email": email}
    yield None
    yield 20 * HOUR
    yield "/login", {"email": email, "password": OTHER}
    yield "/register", {**mine, "email": f"other-{state}@example.com"}
    yield 20 * HOUR
    yield "/login", {"email": email, "password": OTHER}
    yield "/register", {**mine, "email": f"other-{state}@example.com"}


@pytest.fixture
def mail_api(make_mail_api: MakeMailApi) -> MailApi:
    """Return an application that knows addresses in each state."""
    mail_api = make_mail_api(
        registration_confirms_email=True,
        login_needs_verified_email=True,
        trusted_proxies="192.0.2.1",
        limit_login_pair="",
        limit_links="2/hour",
    )
    mail_api.api.expect(200, "GET", "/readyz")
    runtime = mail_api.runtime
    for state in HAVE_AN_ACCOUNT:
        user = NewUser(f"{state}@example.com", PASSWORD)
        account = add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
        with runtime.db.begin() as tx:
            if state != "unverified":
                users.verify_email(tx, account.id)
            if state == "known":
                links.add(tx, undo_link(account.id, "kept@example.com", read_clock(tx)))
        if state == "disabled":
            disable_user(runtime.db, account.id)
    for state in WAITING:
        for _ in range(1 + state.endswith("twice")):
            body = {"email": f"{state}@example.com", "password": "somebody else's phrase"}
            mail_api.api.expect(202, "POST", "/register", json=body)
    return mail_api


def undo_link(user_id: str, email: str, now: float) -> StoredLink:
    return StoredLink("an-undo-link", user_id, Purpose.UNDO, email, email, now, now + 90 * HOUR)


Told = tuple[str, Answer, tuple[int, int]]


def tell(mail_api: MailApi, clock: TestClock, states: tuple[str, ...]) -> dict[str, list[Told]]:
    """Return what each request of the stories is answered and costs, by state."""
    told: dict[str, list[Told]] = {state: [] for state in states}
    warm_up(mail_api)
    for number, steps in enumerate(zip(*map(story, states), strict=True)):
        if steps[0] is None:
            mail_api.mails()
        elif isinstance(steps[0], float | int):
            clock.advance(steps[0])
            warm_up(mail_api)
        else:
            for which, (state, step) in enumerate(zip(states, steps, strict=True)):
                assert isinstance(step, tuple)
                told[state].append(ask(mail_api, f"10.0.{which}.{number}", *step))
    return told


def warm_up(mail_api: MailApi) -> None:
    """Let the decoys be chosen, which happens at one log-in of ten minutes."""
    ask(mail_api, "192.0.2.9", "/login", {"email": "warm@up.example", "password": WRONG})


def ask(mail_api: MailApi, address: str, path: str, body: dict[str, str]) -> Told:
    with counted(mail_api.runtime.db) as cost:
        headers = {"X-Forwarded-For": address}
        response = mail_api.api.client.post(path, json=body, headers=headers)
    return path, Answer.of(response), cost.counts


def test_a_stranger_who_registers_an_address_learns_nothing(
    mail_api: MailApi, clock: TestClock
) -> None:
    told = tell(mail_api, clock, ("free", *STATES))
    free = told.pop("free")
    assert [(path, answer.status) for path, answer, _ in free] == [
        ("/login", 401),
        ("/register", 202),
        *[("/login", 403)] * 3,
        *[("/login", 401)] * 2,
        ("/register", 409),
        ("/register", 202),
        ("/login", 401),
        ("/login", 403),
        *[("/email/verify", 400)] * 2,
        ("/email/verify/resend", 202),
        ("/password/forgot", 202),
        ("/login", 403),
        ("/register", 409),
        ("/login", 401),
        ("/register", 202),
    ]
    for state, others in told.items():
        for (path, answer, cost), (_, its_answer, its_cost) in zip(free, others, strict=True):
            assert its_answer == answer, (state, path)
            assert its_cost == cost, (state, path)


def test_past_the_mails_of_an_hour_it_is_the_same(mail_api: MailApi, clock: TestClock) -> None:
    states = ("limited-free", "known", "disabled", "waiting")
    for state in states:
        for _ in range(4):
            body = {"email": f"{state}@example.com", "password": "somebody else's phrase"}
            mail_api.api.client.post("/register", json=body)
    mail_api.mails()
    told = tell(mail_api, clock, states)
    free = told.pop("limited-free")
    assert {state: others == free for state, others in told.items()} == dict.fromkeys(told, True)


@sqlite_only
@pytest.mark.parametrize("confirms", [False, True])
def test_a_refused_log_in_costs_as_many_hashes_whatever_waits(
    make_mail_api: MakeMailApi, monkeypatch: pytest.MonkeyPatch, confirms: bool
) -> None:
    """Two with the setting, one without it; a right password costs one in both cases."""
    api = make_mail_api(registration_confirms_email=confirms).api
    runtime, hashed = api.app.state.runtime, Counter[str]()
    api.expect(200, "GET", "/readyz")
    user = NewUser("known@example.com", PASSWORD)
    add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
    if confirms:
        body = {"email": "waiting@example.com", "password": MINE}
        api.expect(202, "POST", "/register", json=body)
    monkeypatch.setattr(PasswordHasher, "verify", counting(hashed, PasswordHasher.verify))
    for state in ("known", "waiting", "free"):
        for password in (WRONG, MINE, PASSWORD):
            hashed.clear()
            body = {"email": f"{state}@example.com", "password": password}
            status = api.client.post("/login", json=body).status_code
            assert hashed.total() == (1 if status == 200 else 1 + confirms), (state, password)


Verify = Callable[[PasswordHasher, str, str | None], Verification]


def counting(hashed: Counter[str], verify: Verify) -> Verify:
    def counted_verify(self: PasswordHasher, password: str, stored: str | None) -> Verification:
        hashed["verified"] += 1
        return verify(self, password, stored)

    return counted_verify


def test_a_guess_that_is_registered_first_counts_as_a_guess(
    make_mail_api: MakeMailApi,
) -> None:
    """Else 403 would tell that the guess is wrong, and no limit of the account would count it."""
    mail_api = make_mail_api(registration_confirms_email=True, limit_login_account="2/hour")
    mail_api.api.expect(200, "GET", "/readyz")
    runtime = mail_api.runtime
    user = NewUser("known@example.com", PASSWORD)
    add_user(runtime.db, runtime.passwords.hasher, user, runtime.usernames)
    for state in ("known", "free"):
        statuses = []
        for number in range(3):
            body = {"email": f"{state}@example.com", "password": f"guess number {number}"}
            assert mail_api.post("/register", **body) == 202
            statuses.append(mail_api.post("/login", **body))
        assert statuses == [403, 403, 429]
