"""An account with very many sessions is stopped as quickly as any other (issue 11, row 1).

The kind: work that grows with what one user has stored, in the one transaction that must not fail.
A thief logs in so often that the owner, or the operator, can't end the sessions.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from math import inf
from time import monotonic, sleep

import psycopg
import pytest
from sqlalchemy import text

from authapi import clock as wall_clock
from authapi.crypto.passwords import PasswordHasher
from authapi.db.clock import read_clock
from authapi.db.database import Database, open_database
from authapi.services.accounts import administration
from authapi.verifier import Claims
from authapi.web.runtime import Runtime
from tests.support.api import PASSWORD, Api, Tokens
from tests.support.application import api_of, application
from tests.support.postgresql import PostgreSQL
from tests.support.settings import CHEAP_HASHES, NO_LIMITS, settings_for

ROWS = 200_000
NEW = "a new and much longer phrase"
FILLED = """
INSERT INTO sessions (sid, user_id, transport, scopes, created_at, last_used_at, expires_at,
  ends_at, last_exchanged, exchanged_at, exchanged_before, exchange_keys, user_agent, ip)
SELECT 'filled' || lpad(n::text, 16, '0'), %(user_id)s, 'bearer', '', now, now,
  now + CASE WHEN n %% 2 = 0 THEN 86400 ELSE -86400 END, now + 864000,
  'filled' || lpad(n::text, 16, '0'), now, '', '', 'curl/8.5.0', '192.0.2.7'
FROM generate_series(1, %(rows)s) AS n,
  (SELECT extract(epoch FROM clock_timestamp()) AS now) AS clock
"""
IN_FORCE, EXPIRED = "filled0000000000199998", "filled0000000000199999"


def seconds() -> float:
    """Return the time that a stop may take: a second, and more on a busy machine."""
    return 2 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass
class Victim:
    api: Api
    operator: Database  # of another process
    user_id: str
    password: str = PASSWORD

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.api.app.state.runtime
        return runtime

    def log_in(self) -> Tokens:
        return self.api.login(password=self.password)

    def ask(self, method: str, path: str, body: dict[str, str] | None = None) -> None:
        bearer = self.log_in().bearer
        answer = self.api.client.request(method, path, json=body, headers=bearer)
        assert answer.status_code in {200, 204}, answer.text

    def change_password(self, new: str) -> None:
        self.ask("POST", "/me/password", {"current_password": self.password, "new_password": new})
        self.password = new

    def delete(self) -> None:
        self.ask("POST", "/me/delete", {"password": self.password})

    def delete_by_operator(self) -> None:
        administration.delete_user(self.operator, self.runtime.usernames, self.user_id)

    def set_password(self, new: str) -> None:
        hasher = PasswordHasher(CHEAP_HASHES["hash_memory_kib"], CHEAP_HASHES["hash_time_cost"])
        administration.set_password(self.operator, hasher, self.user_id, new)
        self.password = new

    def disable(self) -> None:
        administration.disable_user(self.operator, self.user_id)

    def sign_out(self) -> None:
        administration.sign_out_user(self.operator, self.user_id)

    def refresh(self, tokens: Tokens) -> int:
        return self.api.refresh(tokens.refresh).status_code

    def refuses(self, tokens: Tokens) -> bool:
        """Return whether the process refuses a log-in's token, and the oldest sessions'."""
        return self.api.verify(tokens) == 401 and self.has_in_the_set(IN_FORCE)

    def has_in_the_set(self, sid: str) -> bool:
        claims = Claims(self.user_id, sid, frozenset(), 1, 1, "", {})
        return self.runtime.revocations.refuses(claims)

    def begin_again(self) -> None:
        """Take the stop back, but for the rows that followed."""
        with self.operator.begin() as tx:
            tx.execute(text("DELETE FROM stops"))
            tx.execute(text("INSERT INTO users SELECT * FROM kept ON CONFLICT DO NOTHING"))
            tx.execute(text("UPDATE users SET session_generation = 0, disabled_at = NULL"))
        with self.operator.connect() as connection:
            taken_back_at = read_clock(connection)
        feed = self.runtime.revocations
        # The next stop has the same generation again: a poll has to miss this one before.
        while (feed.as_of or 0) < taken_back_at:
            sleep(0.01)
        for held in (feed._revoked, feed.pages._recent):
            held.prune(inf)


@pytest.fixture(scope="module")
def victim(postgresql: PostgreSQL) -> Iterator[Victim]:
    """Yield an account with ROWS sessions. Half of them have expired."""
    with postgresql.database() as name:
        url = postgresql.url(name)
        settings = settings_for(url, **{**NO_LIMITS, "revocation_poll": 0.2, "max_sessions": 0})
        with (
            closing(open_database(settings.database_url, wall_clock.now)) as operator,
            application(settings, wall_clock.now) as app,
            api_of(app) as api,
        ):
            victim = Victim(api, operator, api.register()["id"])
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE kept AS SELECT * FROM users")
                connection.execute(FILLED, {"user_id": victim.user_id, "rows": ROWS})
            yield victim


OPERATIONS: dict[str, Callable[[Victim], None]] = {
    "DELETE /sessions": lambda victim: victim.ask("DELETE", "/sessions"),
    "POST /logout/all": lambda victim: victim.ask("POST", "/logout/all"),
    "POST /me/password": lambda victim: victim.change_password(NEW),
    "users sign-out": lambda victim: victim.sign_out(),
    "users set-password": lambda victim: victim.set_password(PASSWORD),
    "users disable": lambda victim: victim.disable(),
    "POST /me/delete": lambda victim: victim.delete(),
    "users delete": lambda victim: victim.delete_by_operator(),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_session_is_out_of_force_at_once(victim: Victim, name: str) -> None:
    """One account for all: each stop is taken back, but for the rows of a batch."""
    tokens = victim.log_in()
    ends_at = monotonic() + seconds()
    OPERATIONS[name](victim)
    while not victim.refuses(tokens):
        assert monotonic() < ends_at, "not in force"
        sleep(0.01)
    assert monotonic() < ends_at
    assert not victim.has_in_the_set(EXPIRED)
    assert victim.refresh(tokens) == 401
    victim.begin_again()
