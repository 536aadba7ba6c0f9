"""Real servers for what only a socket can show."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.cli.conftest import authapi
from tests.db.conftest import empty_url
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import ServerProcess
from tests.support.settings import SECRET, SERVER
from tests.verifier.conftest import issuer, make_verifier

__all__ = ["authapi", "empty_url", "issuer", "make_verifier"]  # fixtures

Use = Callable[[str], None]
MakeServer = Callable[..., ServerProcess]
# The headers and the body of a log-in.
LOGIN = (
    ("Content-Type: application/json",),
    json.dumps({"email": EMAIL, "password": PASSWORD}).encode(),
)


@pytest.fixture(scope="module")
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeServer]:
    """Yield a function that starts `authapi serve` on a SQLite of its own, for a whole module."""
    with ExitStack() as stack:

        def make(*arguments: str, **settings: object) -> ServerProcess:
            folder = tmp_path_factory.mktemp("server")
            server = ServerProcess(folder, *arguments, **{**SERVER, **settings})
            return stack.enter_context(server)

        yield make


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Return a function that names a database in the environment, with a secret."""
    monkeypatch.setenv("AUTHAPI_SECRET", SECRET)
    return lambda url: monkeypatch.setenv("AUTHAPI_DATABASE_URL", url)
