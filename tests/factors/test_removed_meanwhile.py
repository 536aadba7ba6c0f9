"""The kind: a factor that is read in two steps, and is removed or another's between them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from authapi.db.database import Database
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.factors import execute
from tests.support.provider import Provider, log_in, logged_in, me

LOOK_UP = "FROM factors JOIN identities"
EVE = "eve@example.com"
pytestmark = sqlite_only


@pytest.fixture
def api(make_api: MakeApi, provider: Provider) -> Api:
    return make_api(identity_providers=[provider.setting])


@contextmanager
def before_the_second_look_up(db: Database, act: Callable[[], object]) -> Iterator[None]:
    """Act once, just before the second statement that looks for an identity."""
    seen = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if LOOK_UP in statement:
            seen.append(statement)
            if len(seen) == 2:
                act()

    event.listen(db.engine, "before_cursor_execute", note)
    yield
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(seen) >= 2


def test_an_identity_that_was_removed_opens_nothing(api: Api, provider: Provider) -> None:
    logged_in(api, provider)
    db: Database = api.app.state.runtime.db
    with before_the_second_look_up(db, lambda: execute(db, "DELETE FROM factors")):
        answer = log_in(api, provider)
    assert answer.json()["error"] == "already_registered"


def test_an_identity_that_became_anothers_opens_that_account(api: Api, provider: Provider) -> None:
    logged_in(api, provider)
    api.register(EVE)
    db: Database = api.app.state.runtime.db
    hers = f"UPDATE factors SET user_id = (SELECT id FROM users WHERE email = '{EVE}')"
    with before_the_second_look_up(db, lambda: execute(db, hers)):
        tokens = logged_in(api, provider)
    assert me(api, tokens)["email"] == EVE


def test_an_identity_that_was_linked_and_removed_is_no_success(
    api: Api, provider: Provider
) -> None:
    ada = api.register_and_login()
    body = {"provider": provider.name, "id_token": provider.token()}
    db: Database = api.app.state.runtime.db
    with before_the_second_look_up(db, lambda: execute(db, "DELETE FROM factors")):
        answer = api.client.post("/me/identities", json=body, headers=ada.bearer)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
