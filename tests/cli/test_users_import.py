"""`authapi users import`: users of other products log in, and their hashes become ours."""

import json
from pathlib import Path

import pytest

from authapi.db import users
from authapi.services.accounts.administration import list_users
from tests.cli.conftest import Authapi, Outcome
from tests.support.api import PASSWORD, Api
from tests.support.databases import sqlite_only
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
    # The service of the test runs in this process, and a thread of it logs its mails.
    errors = [line for line in outcome.errors.splitlines() if "mail_not_sent" not in line]
    assert (outcome.status, errors) == (0, []), outcome
    return outcome


@sqlite_only
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


def lines(*records: object) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def given(folder: Path, *records: object) -> str:
    """Write JSON lines; return the file's name."""
    file = folder / "users.jsonl"
    file.write_text(lines(*records))
    return str(file)


def create(authapi: Authapi, email: str, username: str = "") -> None:
    """Make an account without a mail, whose line in the log could come at any time."""
    named = ["--username", username] if username else []
    command = ("users", "create", email, *named, "--password-stdin")
    assert authapi(*command, typed=f"{PASSWORD}\n").status == 0


def addresses(api: Api) -> list[str]:
    return sorted(account.email for account in list_users(api.app.state.runtime.db))


HASHED = {"password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"}  # md5 of "password"


def test_names_scopes_and_states_come_along(authapi: Authapi, api: Api, tmp_path: Path) -> None:
    imported(authapi, *options(EXPORTS["own"], tmp_path))
    tokens = api.login(ADA, KEY)
    assert tokens.body["scope"] == "read write"
    body = {"username": "ADA", "password": KEY}
    assert api.client.post("/login", json=body).status_code == 200
    states = authapi("users", "list").output.splitlines()
    assert sorted(line.split("\t")[1] for line in states) == ["disabled", "enabled", "enabled"]


def test_a_dry_run_says_the_same_and_writes_nothing(
    authapi: Authapi, api: Api, tmp_path: Path
) -> None:
    create(authapi, "old@example.com", "old")
    users_of_file = (
        {"email": "new@example.com", "username": "new", **HASHED},
        {"email": "Old@Example.com", **HASHED},
        {"email": "other@example.com", "username": "OLD"},
        {"email": "bad", **HASHED},
        {"email": "second@example.com", "username": "New"},
        {"email": "NEW@example.com"},
        {"email": "sam@example.com"},
    )
    file = given(tmp_path, *users_of_file)
    dry_run = " This was a dry run: nothing is written."
    said = [
        "line 3: This username is taken.",
        "line 4: This is not an e-mail address.",
        "line 5: The same username is in line 1.",
        "line 6: The same e-mail address is in line 1.",
        "1 imported, 1 imported without a password, 1 already here, 4 refused.",
    ]
    dry = authapi("users", "import", file, "--dry-run")
    assert dry.output.splitlines() == [*said[:-1], said[-1] + dry_run]
    assert (dry.status, dry.errors) == (1, "4 of 7 users were refused.\n")
    assert addresses(api) == ["old@example.com"]
    real = authapi("users", "import", file)
    assert (real.status, real.errors, real.output.splitlines()) == (1, dry.errors, said)
    assert addresses(api) == ["new@example.com", "old@example.com", "sam@example.com"]


def test_an_account_that_is_here_stays_as_it_is(authapi: Authapi, api: Api, tmp_path: Path) -> None:
    create(authapi, ADA)
    record = {"email": ADA, "username": "ada", "disabled": True, "scopes": ["admin"], **HASHED}
    assert imported(authapi, given(tmp_path, record)).output == "1 already here.\n"
    assert api.login(ADA).body["scope"] == ""


AUTH0_PROFILES = {
    "json": lines(
        {"user_id": "auth0|1", "email": ADA, "email_verified": True, "username": "ada_l"},
        {"user_id": "auth0|2", "email": EVE, "email_verified": True, "blocked": True},
        {"user_id": "google-oauth2|3", "email": SAM, "email_verified": True},
    ),
    # Each text has an apostrophe before it, so that no spreadsheet takes it for a formula.
    "csv": f"""user_id,email,email_verified,username,blocked
"'auth0|1","'{ADA}",true,"'ada_l",
"'auth0|2","'{EVE}",true,,true
"'google-oauth2|3","'{SAM}",true,,
""",
}


@pytest.mark.parametrize("kind", AUTH0_PROFILES)
def test_a_later_file_gives_a_password_to_those_without(
    authapi: Authapi, api: Api, tmp_path: Path, kind: str
) -> None:
    """Auth0 exports states and names in one file, and hashes in another."""
    profiles = tmp_path / "profiles"
    profiles.write_text(AUTH0_PROFILES[kind])
    first = imported(authapi, str(profiles), "--from", "auth0")
    assert first.output == "3 imported without a password.\n"
    arguments = options(EXPORTS["auth0"], tmp_path)
    assert authapi("users", "import", *arguments, "--dry-run").status == 0
    assert log_in(api, ADA) == 401
    assert imported(authapi, *arguments).output == "2 given a password, 1 already here.\n"
    assert (log_in(api, ADA), log_in(api, EVE)) == (200, 401)
    assert api.client.post("/login", json={"username": "ada_l", "password": KEY}).status_code == 200
    assert imported(authapi, *arguments).output == "3 already here.\n"


def test_a_username_that_rests_is_refused(authapi: Authapi, api: Api, tmp_path: Path) -> None:
    create(authapi, EVE, "eve")
    assert authapi("users", "delete", EVE).status == 0
    outcome = authapi("users", "import", given(tmp_path, {"email": SAM, "username": "EVE"}))
    assert outcome.output == "line 1: This username is taken.\n1 refused.\n"


def test_a_username_that_is_the_address_is_left_out(
    authapi: Authapi, api: Api, tmp_path: Path
) -> None:
    file = given(tmp_path, {"email": ADA, "username": "ADA@Example.com", **HASHED})
    imported(authapi, file)
    me = api.expect(200, "GET", "/me", headers=api.login(ADA, "password").bearer).json()
    assert me["username"] is None
