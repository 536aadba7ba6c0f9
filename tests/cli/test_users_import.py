"""`authapi users import`: users of other products log in, and their hashes become ours."""

from pathlib import Path

import pytest

from authapi.db import users
from tests.cli.conftest import Authapi, Outcome
from tests.support.api import Api
from tests.support.exports import ADA, EVE, EXPORTS, HASH_CONFIG, KEY, SAM, Export

pytestmark = pytest.mark.usefixtures("configured")


def options(export: Export, folder: Path) -> list[str]:
    """Write the export, and return the arguments that import it."""
    file, config = folder / "export", folder / "hash_config"
    file.write_text(export.text, encoding="utf-8")
    config.write_text(HASH_CONFIG)
    more = ["--hash-config", str(config)] if export.product == "firebase" else []
    return [str(file), "--from", export.product, *more]


def log_in(api: Api, email: str, password: str = KEY) -> int:
    body = {"email": email, "password": password}
    return api.client.post("/login", json=body).status_code


def hash_of(api: Api, email: str) -> str:
    with api.app.state.runtime.db.connect() as connection:
        account = users.find_by_email(connection, email)
    assert account
    return account.password_hash


def imported(authapi: Authapi, *arguments: str) -> Outcome:
    outcome = authapi("users", "import", *arguments)
    assert (outcome.status, outcome.errors) == (0, ""), outcome
    return outcome


@pytest.mark.parametrize("name", EXPORTS)
def test_users_of_another_product_log_in_and_get_a_hash_of_ours(
    authapi: Authapi, api: Api, name: str, tmp_path: Path
) -> None:
    export = EXPORTS[name]
    arguments = options(export, tmp_path)
    first = imported(authapi, *arguments)
    assert first.output == "2 imported, 1 imported without a password.\n"
    assert not hash_of(api, ADA).startswith("$argon2id$v=19$m=1024")
    assert [log_in(api, ADA, f"{KEY}."), log_in(api, EVE), log_in(api, SAM)] == [401] * 3
    me = api.expect(200, "GET", "/me", headers=api.login(ADA, KEY).bearer).json()
    assert (me["username"], me["email_verified"]) == (export.username, export.is_verified)
    assert hash_of(api, ADA).startswith("$argon2id$v=19$m=1024")
    assert [log_in(api, ADA), log_in(api, ADA, f"{KEY}.")] == [200, 401]
    assert imported(authapi, *arguments).output == "3 already here.\n"
