"""`authapi users …`: the operator's hand on accounts, and what the running service makes of it."""

import pytest
from sqlalchemy import delete, insert, select, update

from authapi.db.database import Database
from authapi.db.models import OutboxMail, User
from authapi.services.accounts.administration import list_users
from tests.cli.conftest import Authapi
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only

pytestmark = pytest.mark.usefixtures("configured")

CREATE = ("users", "create", EMAIL, "--password-stdin")


def create(authapi: Authapi, *more: str, password: str = PASSWORD) -> str:
    outcome = authapi(*CREATE, *more, typed=f"{password}\n")
    assert outcome.status == 0, outcome.errors
    assert '"event": "user_created"' in outcome.errors
    return outcome.output


def test_a_created_account_can_log_in(authapi: Authapi, api: Api) -> None:
    output = create(authapi)
    tokens = api.login()
    me = api.expect(200, "GET", "/me", headers=tokens.bearer).json()
    assert output == f"Created {EMAIL} with the id {me['id']}.\n"


def test_a_created_account_has_its_username_and_scopes(authapi: Authapi, api: Api) -> None:
    create(authapi, "--username", "ada", "--scope", "write", "--scope", "read", "--scope", "read")
    body = {"username": "ada", "password": PASSWORD}
    assert api.expect(200, "POST", "/login", json=body).json()["scope"] == "read write"


def test_registration_may_be_closed_for_strangers_and_not_for_the_operator(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_REGISTRATION", "closed")
    create(authapi)


def test_a_taken_address_is_refused(authapi: Authapi) -> None:
    create(authapi)
    outcome = authapi(*CREATE, typed=f"{PASSWORD}\n")
    assert outcome.sentence == "This e-mail address is registered already."


def test_a_taken_username_is_refused(authapi: Authapi) -> None:
    create(authapi, "--username", "ada")
    second = ("users", "create", "b@example.com", "--username", "ADA", "--password-stdin")
    assert authapi(*second, typed=f"{PASSWORD}\n").sentence == "This username is taken."


def test_the_list_shows_a_line_an_account_the_oldest_first(
    authapi: Authapi, clock: TestClock
) -> None:
    create(authapi, "--username", "ada", "--scope", "read")
    clock.advance(1)
    authapi("users", "create", "b@example.com", "--password-stdin", typed=f"{PASSWORD}\n")
    authapi("users", "disable", "b@example.com")
    lines = [line.split("\t") for line in authapi("users", "list").output.splitlines()]
    assert [line[1] for line in lines] == ["enabled", "disabled"]
    assert [line[3:] for line in lines] == [
        [EMAIL, "ada", "read"],
        ["b@example.com", "-", "-"],
    ]


def test_a_long_list_is_read_a_page_at_a_time(db: Database) -> None:
    """So a million accounts are not in memory at once."""
    with db.begin() as tx:
        for second in range(3):  # the import stores a thousand in the same moment
            numbers = range(second * 1000, (second + 1) * 1000)
            rows = [{"id": f"{n * 7919 % 3000:022}", "email": f"{n}@x.example"} for n in numbers]
            same = {"scopes": "", "password_hash": "", "created_at": float(second)}
            tx.execute(insert(User), [{**r, **same, "email_canonical": r["email"]} for r in rows])
    listed = list_users(db)
    ids = [next(iter(listed)).id]
    with db.begin() as tx:
        tx.execute(delete(User).where(User.email == "2999@x.example"))
    ids += [account.id for account in listed]
    with db.connect() as connection:
        in_order = connection.scalars(select(User.id).order_by(User.created_at, User.id)).all()
    assert ids == in_order


def test_a_disabled_account_can_neither_log_in_nor_refresh(authapi: Authapi, api: Api) -> None:
    tokens = api.register_and_login()
    outcome = authapi("users", "disable", EMAIL)
    assert (outcome.status, outcome.output) == (0, f"Disabled {EMAIL}; 1 session(s) ended.\n")
    body = {"email": EMAIL, "password": PASSWORD}
    assert api.expect(401, "POST", "/login", json=body).json()["error"] == "invalid_credentials"
    assert api.refresh(tokens.refresh).status_code == 401


def test_an_enabled_account_can_log_in_again(authapi: Authapi, api: Api) -> None:
    api.register()
    authapi("users", "disable", EMAIL)
    outcome = authapi("users", "enable", EMAIL)
    assert (outcome.status, outcome.output) == (0, f"Enabled {EMAIL}.\n")
    api.login()


def test_enabling_revives_no_session(authapi: Authapi, api: Api) -> None:
    tokens = api.register_and_login()
    authapi("users", "disable", EMAIL)
    authapi("users", "enable", EMAIL)
    assert api.refresh(tokens.refresh).status_code == 401


def test_signing_out_ends_every_session_and_nothing_else(authapi: Authapi, api: Api) -> None:
    sessions = [api.register_and_login(), api.login()]
    outcome = authapi("users", "sign-out", EMAIL)
    assert (outcome.status, outcome.output) == (0, f"2 session(s) of {EMAIL} ended.\n")
    assert {api.refresh(tokens.refresh).status_code for tokens in sessions} == {401}
    api.login()


def test_a_set_password_logs_in_and_ends_every_session(authapi: Authapi, api: Api) -> None:
    tokens = api.register_and_login()
    new = "a new and much longer phrase"
    outcome = authapi("users", "set-password", EMAIL, "--password-stdin", typed=f"{new}\n")
    assert (outcome.status, outcome.output) == (
        0,
        f"Changed the password of {EMAIL}; 1 session(s) ended.\n",
    )
    assert api.refresh(tokens.refresh).status_code == 401
    assert '"event": "password_changed"' in outcome.errors
    api.login(password=new)
    body = {"email": EMAIL, "password": PASSWORD}
    assert api.client.post("/login", json=body).status_code == 401


def test_a_set_password_keeps_the_rules(authapi: Authapi, api: Api) -> None:
    tokens = api.register_and_login()
    outcome = authapi("users", "set-password", EMAIL, "--password-stdin", typed="password1\n")
    assert (outcome.status, outcome.output) == (1, "")
    assert api.refresh(tokens.refresh).status_code == 200


def test_a_deleted_account_is_gone(authapi: Authapi, api: Api) -> None:
    tokens = api.register_and_login()
    outcome = authapi("users", "delete", EMAIL)
    assert (outcome.status, outcome.output) == (0, f"Deleted {EMAIL}; 1 session(s) ended.\n")
    assert authapi("users", "list").output == ""
    assert api.refresh(tokens.refresh).status_code == 401
    assert authapi("users", "delete", EMAIL).status == 1
    api.register()


@pytest.mark.parametrize("command", ["disable", "enable", "sign-out", "delete"])
def test_an_account_is_found_however_its_address_is_typed(
    command: str, authapi: Authapi, api: Api
) -> None:
    api.register()
    assert authapi("users", command, EMAIL.upper()).status == 0


def test_every_change_is_logged_with_its_user(authapi: Authapi, api: Api) -> None:
    user_id = api.register()["id"]
    assert f'"user_id": "{user_id}"' in authapi("users", "disable", EMAIL).errors
    assert f'"user_id": "{user_id}"' in authapi("users", "enable", EMAIL).errors


def test_an_account_can_be_named_by_its_id(authapi: Authapi, api: Api) -> None:
    """For one whose address another account has in a different spelling: migration 0006."""
    user_id = create(authapi).rsplit(" ", 1)[-1].strip(".\n")
    assert authapi("users", "disable", user_id).status == 0
    assert api.client.post("/login", json={"email": EMAIL, "password": PASSWORD}).status_code == 401
    assert authapi("users", "disable", "nobody").status == 1


@pytest.mark.parametrize("command", ["disable", "enable", "sign-out", "delete", "scopes"])
def test_an_id_may_look_like_an_option(authapi: Authapi, db: Database, command: str) -> None:
    user_id = create(authapi).rsplit(" ", 1)[-1].strip(".\n")
    name = f"-h{user_id[2:]}"  # -h is --help elsewhere
    with db.connect(to_write=True) as connection:
        connection.execute(update(User).values(id=name))
    outcome = authapi("users", command, name)
    assert outcome.status == 0, outcome
    assert name in outcome.output


def test_an_account_is_found_by_any_spelling_of_its_domain(authapi: Authapi) -> None:
    command = ("users", "create", "ada@b\u00fccher.example", "--password-stdin")
    assert authapi(*command, typed=f"{PASSWORD}\n").status == 0
    for email in ("ada@xn--bcher-kva.example", "ADA@B\u00dcCHER\u3002example"):
        assert authapi("users", "enable", email).status == 0


@pytest.mark.parametrize("command", ["disable", "sign-out", "set-password"])
def test_a_mail_tells_the_user_what_the_operator_did(
    authapi: Authapi, db: Database, command: str
) -> None:
    create(authapi)
    more = ("--password-stdin",) if command == "set-password" else ()
    assert authapi("users", command, EMAIL, *more, typed="a quite other one").status == 0
    with db.connect() as connection:
        assert "signed_out" in connection.scalars(select(OutboxMail.kind)).all()


@postgresql_only
def test_a_shell_without_the_secret_ends_sessions_all_the_same(
    authapi: Authapi, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = api.register_and_login()
    monkeypatch.delenv("AUTHAPI_SECRET")
    outcome = authapi("users", "disable", EMAIL)
    assert outcome.status == 0
    assert "No mail tells the user: AUTHAPI_SECRET is missing here." in outcome.errors
    assert api.refresh(tokens.refresh).status_code == 401


NEW = "countess@example.com"


def test_an_account_is_shown(authapi: Authapi) -> None:
    created = create(authapi, "--username", "ada", "--scope", "read")
    shown = dict(line.split("\t") for line in authapi("users", "show", EMAIL).output.splitlines())
    assert shown.pop("id") in created
    assert shown.pop("created_at")
    assert shown == {
        "state": "enabled",
        "email": EMAIL,
        "email_verified": "no",
        "username": "ada",
        "scopes": "read",
    }


@pytest.mark.parametrize("is_typed", [False, True])
@pytest.mark.parametrize("is_verified", [False, True])
def test_another_address_takes_the_place_of_the_old_one(
    authapi: Authapi, api: Api, *, is_typed: bool, is_verified: bool
) -> None:
    create(authapi)
    before = api.login()
    flags = ["--verified"] if is_verified else []
    if is_typed:
        outcome = authapi("users", "set-email", EMAIL, *flags, typed=f" {NEW} \n")
    else:
        outcome = authapi("users", "set-email", EMAIL, NEW, *flags)
    assert outcome.status == 0, outcome.errors
    assert "1 session(s) ended" in outcome.output
    assert api.refresh(before.refresh).status_code == 401
    body = {"email": EMAIL, "password": PASSWORD}
    api.expect(401, "POST", "/login", json=body)
    me = api.expect(200, "GET", "/me", headers=api.login(NEW).bearer).json()
    assert (me["email"], me["email_verified"]) == (NEW, is_verified)


def test_the_address_of_another_account_is_refused(authapi: Authapi, api: Api) -> None:
    create(authapi)
    api.register(NEW)
    outcome = authapi("users", "set-email", EMAIL, NEW.upper())
    assert outcome.status == 1
    assert "This e-mail address is registered already." in outcome.errors
    api.login()


def test_what_is_no_address_is_refused(authapi: Authapi, api: Api) -> None:
    create(authapi)
    for typed in ("nowhere", "", "a@b@c"):
        assert authapi("users", "set-email", EMAIL, typed=f"{typed}\n").status == 1
    api.login()


def test_the_old_mailbox_is_told_of_the_new_address(authapi: Authapi, db: Database) -> None:
    create(authapi)
    assert authapi("users", "set-email", EMAIL, NEW).status == 0
    with db.connect() as connection:
        kinds = connection.scalars(select(OutboxMail.kind)).all()
    assert kinds == ["signed_out"]


ADMIN = ("--scope", "authapi:admin")


@pytest.mark.parametrize("act", ["disable", "delete", "scopes"])
def test_the_last_administrator_stays_unless_it_is_forced(authapi: Authapi, act: str) -> None:
    create(authapi, *ADMIN)
    refused = authapi("users", act, EMAIL)
    assert refused.status == 1
    assert refused.errors.splitlines()[-1] == (
        "This is the last administrator. Make another one first. --force does it all the same."
    )
    assert authapi("users", act, EMAIL, "--force").status == 0


def test_the_last_administrator_keeps_an_address_to_log_in_with(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(authapi, *ADMIN)
    monkeypatch.setenv("AUTHAPI_LOGIN_NEEDS_VERIFIED_EMAIL", "true")
    assert authapi("users", "set-email", EMAIL, NEW).status == 1
    assert authapi("users", "set-email", EMAIL, NEW, "--verified").status == 0
    assert authapi("users", "set-email", NEW, EMAIL, "--force").status == 0


def test_one_of_two_administrators_may_go(authapi: Authapi) -> None:
    create(authapi, *ADMIN)
    authapi("users", "create", "b@example.com", *ADMIN, "--password-stdin", typed=f"{PASSWORD}\n")
    assert authapi("users", "disable", EMAIL).status == 0
    assert authapi("users", "delete", "b@example.com").status == 1


def test_a_scope_of_ours_that_does_not_exist_is_refused(authapi: Authapi) -> None:
    create(authapi)
    outcome = authapi("users", "scopes", EMAIL, "--scope", "authapi:admn")
    assert outcome.sentence.startswith("scopes: of the scopes that begin with authapi:")
