"""The kind: a use of a factor and its removal, each waiting for what the other one has locked.

A removal locks the factor, then what belongs to it. So does a use, or PostgreSQL would end one of
the two with an error.
"""

from collections.abc import Callable

import pytest

from authapi.crypto.ids import new_id
from authapi.db import factors, passkeys, recovery_codes, totp_secrets
from authapi.db.database import Database, Transaction
from authapi.db.factors import NewFactor
from authapi.db.passkeys import NewPasskey
from tests.support.api import Api
from tests.support.contender import Contender
from tests.support.databases import postgresql_only

Use = Callable[[Transaction, str, str], object]  # of an account's factor


def use_code(tx: Transaction, user_id: str, _factor_id: str) -> object:
    return recovery_codes.use(tx, user_id, "digest")


def use_app(tx: Transaction, _user_id: str, factor_id: str) -> object:
    return totp_secrets.use_step(tx, factor_id, 1)


def use_passkey(tx: Transaction, _user_id: str, factor_id: str) -> object:
    return passkeys.use(tx, factor_id, 1, backed_up=True, user_verified=True)


def add_factor(tx: Transaction, user_id: str) -> str:
    """Add one factor that all three kinds of details belong to."""
    new = NewFactor(new_id(), user_id, "recovery_codes", None, is_second=True, is_in_force=True)
    factor_id = factors.add(tx, new).id
    recovery_codes.add(tx, factor_id, ["digest"])
    totp_secrets.add(tx, factor_id, b"sealed")
    passkeys.add(tx, NewPasskey(factor_id, "credential", b"key", 0, True, False, "", True))
    return factor_id


@postgresql_only
@pytest.mark.parametrize("use", [use_code, use_app, use_passkey])
def test_a_removal_waits_for_a_use(api: Api, use: Use) -> None:
    user_id = str(api.register()["id"])
    db: Database = api.app.state.runtime.db
    with db.begin() as tx:
        factor_id = add_factor(tx, user_id)

    def remove() -> int:
        with db.begin() as tx:
            return factors.remove_all(tx, user_id)

    removal = Contender(db, remove)
    with db.begin() as tx:
        assert use(tx, user_id, factor_id)
        removal.run_into_the_lock()
        factors.touch(tx, factor_id)
    assert removal.result() == 1
