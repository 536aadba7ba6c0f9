"""What an operator does: on connections that the application under test does not know."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from authapi.db.database import Database, open_database
from authapi.services.accounts.administration import get_by_email
from tests.support.api import EMAIL, Api

P = ParamSpec("P")
T = TypeVar("T")


def operate(
    api: Api, act: Callable[Concatenate[Database, str, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call `act` for the account of EMAIL, as another process would; return its result."""
    runtime = api.app.state.runtime
    db = open_database(runtime.settings.database_url, runtime.clock)
    try:
        return act(db, get_by_email(db, EMAIL).id, *args, **kwargs)
    finally:
        db.close()
