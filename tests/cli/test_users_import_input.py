"""What `authapi users import` makes of files that are broken, of another kind, or hostile."""

import gzip
import json
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher

from authapi.cli import users_import
from authapi.services.accounts.administration import list_users
from tests.cli.conftest import Authapi
from tests.support.api import Api
from tests.support.databases import sqlite_only
from tests.support.exports import (
    ADA,
    EVE,
    HASH_CONFIG,
    as_csv,
    as_lines,
    fastapi_users,
    keycloak_argon2,
    keycloak_pbkdf2,
    supabase,
)
from tests.support.server import AUTHAPI
from tests.support.settings import CHEAP_HASHES, SECRET, environment
from tests.support.until import until

# No statement differs from what test_users_import.py runs on both databases.
pytestmark = [pytest.mark.usefixtures("configured"), sqlite_only]

GOOD = json.dumps({"email": ADA, "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"})
LONG = 256 * 1024
COSTLY = "$2a$31$5BJqKfqMQvV7nS.yUguNcueVirQqDBGaLXSqj.rs.pZPlNR0UX/HK"


def run(authapi: Authapi, folder: Path, content: bytes | str, *options: str) -> list[str]:
    """Import the content, which is refused in part; return what is said of it."""
    file = folder / "file"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    outcome = authapi("users", "import", str(file), *options)
    assert outcome.status == 1
    assert "were refused." in outcome.errors
    return outcome.output.splitlines()


LINES = {
    "{": "It is no JSON.",
    "[1": "It is no JSON.",
    "null": "It is no JSON object.",
    '"text"': "It is no JSON object.",
    "[" * 10_000 + "]" * 10_000: "It is no JSON.",
    "1" * 5000: "It is no JSON.",
    "{}": "It has no member email.",
    '{"email": null}': "There is no e-mail address.",
    '{"email": ""}': "There is no e-mail address.",
    '{"email": 7}': "email is no text.",
    '{"email": ["ada@example.com"]}': "email is no text.",
    '{"email": "ada@localhost"}': "This is not an e-mail address.",
    '{"email": "ada\\u0000@example.com"}': "This is not an e-mail address.",
    '{"email": "ada\\ud800@example.com"}': "This is not an e-mail address.",
    '{"email": "a@b.example", "username": "a@c.example"}': "A username can't have an @.",
    f'{{"email": "a@b.example", "username": "{"x" * 65}"}}': "A username has at most 64",
    '{"email": "a@b.example", "username": "\\u0000"}': "A username can't have characters",
    '{"email": "a@b.example", "username": {}}': "username is no text.",
    '{"email": "a@b.example", "email_verified": "yes"}': "email_verified is neither",
    '{"email": "a@b.example", "disabled": 1}': "disabled is neither true nor false.",
    '{"email": "a@b.example", "scopes": "read"}': "scopes is no list.",
    '{"email": "a@b.example", "scopes": ["a b"]}': "scopes has an entry that is no scope",
    '{"email": "a@b.example", "scopes": [7]}': "scopes has an entry that is no scope",
    f'{{"email": "a@b.example", "scopes": ["{"x" * 1501}"]}}': "all scopes together",
    '{"email": "a@b.example", "password": "plain"}': "'password' is no member that an",
    '{"email": "a@b.example", "password_hash": "plain"}': "The password hash is of no scheme",
    '{"email": "a@b.example", "password_hash": "*"}': "The password hash is of no scheme",
    '{"email": "a@b.example", "password_hash": "HASH"}'.replace(
        "HASH", COSTLY
    ): "The password hash costs more",
    '{"email": "a@b.example", "x": "' + "x" * LONG + '"}': "It is longer than 262144 characters.",
}


@pytest.mark.parametrize("line", LINES, ids=lambda line: ascii(line[:60]))
def test_a_bad_line_is_named_and_the_others_are_imported(
    authapi: Authapi, api: Api, tmp_path: Path, line: str
) -> None:
    said = run(authapi, tmp_path, f"\n{GOOD}\n{line}\r\n{GOOD.replace('ada', 'eve')}")
    assert said[0].startswith(f"line 3: {LINES[line]}")
    assert said[1:] == ["2 imported, 1 refused."]
    assert [api.login(email, "password").sid for email in (ADA, EVE)]


def test_a_line_that_is_no_utf_8_is_named(authapi: Authapi, tmp_path: Path) -> None:
    said = run(authapi, tmp_path, GOOD.encode() + b'\n{"email": "\xe9@example.com"}\n')
    assert said == ["line 2: It is no UTF-8.", "1 imported, 1 refused."]


def test_no_password_hash_is_ever_repeated(authapi: Authapi, tmp_path: Path) -> None:
    secret = "a password in plain text"
    record = {"email": ADA, "password_hash": secret}
    files = [json.dumps(record), f"{json.dumps(record)[:-1]}", f"email,{secret}\n"]
    for content in files:
        file = tmp_path / "file"
        file.write_text(content)
        outcome = authapi("users", "import", str(file))
        assert outcome.status == 1
        assert secret not in outcome.output + outcome.errors


def file_of(folder: Path, content: bytes | str) -> str:
    file = folder / "file"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


ROWS = fastapi_users(BcryptHasher(4))
CSV = as_csv(ROWS)
FASTAPI_USERS = ("--from", "fastapi-users")
KEYCLOAK = ("--from", "keycloak")
WHOLE: dict[str, tuple[bytes | str, tuple[str, ...], str]] = {
    "empty": ("", (), "The file is empty."),
    "blank": (" \n\r\n", (), "The file is empty."),
    "a mark alone": (b"\xef\xbb\xbf", FASTAPI_USERS, "The file is empty."),
    "gzip": (gzip.compress(GOOD.encode()), (), "The file is packed with gzip: unpack it first."),
    "zip": (b"PK\x03\x04...", FASTAPI_USERS, "The file is packed with zip: unpack it first."),
    "CSV for JSON": (CSV, (), "The file is no JSON."),
    "CSV for Keycloak": (CSV, KEYCLOAK, "The file is no JSON."),
    "no header": (CSV.partition("\r\n")[2], FASTAPI_USERS, "The first line is no JSON, and no CSV"),
    "semicolons": (CSV.replace(",", ";"), FASTAPI_USERS, "The first line is no JSON, and no CSV"),
    "another product": (CSV, ("--from", "django"), "The first line is no JSON, and no CSV header"),
    "a column twice": (CSV.replace("id,", "email,", 1), FASTAPI_USERS, "The header of the CSV has"),
    "binary": (bytes(range(256)), FASTAPI_USERS, "The first line is"),
    "half a document": (
        '{"users": [',
        KEYCLOAK,
        "The file begins like JSON, and is none (line",
    ),
    "half an array": ("[{}", (), "The file begins like JSON, and is none (line"),
    "deep": ("[" * 100_000, (), "The file begins like JSON, and is none"),
    "another document": ('{"realm": "x"}', KEYCLOAK, 'The JSON document has no list "users".'),
    "a list too few": ('{"users": {}}', KEYCLOAK, 'The JSON document has no list "users".'),
    "nobody": ("[]", (), "There are no users in it."),
    "a header alone": (CSV.partition("\r\n")[0], FASTAPI_USERS, "There are no users in it."),
    "UTF-16 cut": (GOOD.encode("utf-16") + b"x", (), "The file begins like UTF-16, and goes on"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_of_another_kind_is_one_sentence(
    authapi: Authapi, name: str, tmp_path: Path
) -> None:
    content, options, sentence = WHOLE[name]
    outcome = authapi("users", "import", file_of(tmp_path, content), *options)
    assert outcome.errors.splitlines()[-1].startswith(sentence)
    assert (outcome.status, outcome.errors.count("\n")) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("kind", ["csv", "json", "lines"])
def test_a_file_of_another_systems_making_is_read(
    authapi: Authapi, tmp_path: Path, kind: str, end: str, encoding: str
) -> None:
    text = {"csv": CSV, "json": json.dumps(ROWS, indent=1), "lines": as_lines(ROWS)}[kind]
    marked = f"\ufeff{text}" if encoding[-3:] in {"-le", "-be"} else text
    content = marked.replace("\r\n", "\n").replace("\n", end).encode(encoding)
    outcome = authapi("users", "import", file_of(tmp_path, content), *FASTAPI_USERS)
    assert (outcome.status, outcome.errors) == (0, ""), outcome
    assert outcome.output == "2 imported, 1 imported without a password.\n"


def without(name: str) -> list[dict[str, object]]:
    return [{key: value for key, value in row.items() if key != name} for row in ROWS]


def test_records_of_another_product_are_not_imported_without_their_passwords(
    authapi: Authapi, api: Api, tmp_path: Path
) -> None:
    said = run(authapi, tmp_path, json.dumps(supabase()), *FASTAPI_USERS)
    assert said[0] == "user 1: It has no member hashed_password."
    said = run(authapi, tmp_path, json.dumps(without("is_active")), *FASTAPI_USERS)
    assert said[0] == "user 1: It has no member is_active."


def test_bad_rows_of_a_csv_are_named_with_their_lines(authapi: Authapi, tmp_path: Path) -> None:
    header, ada, eve, sam = CSV.splitlines()
    bad = f'{ada},more\r\n"{eve}\r\n\r\n"\r\n{sam.replace(",t,", ",maybe,", 1)}'
    said = run(authapi, tmp_path, f"{header}\r\n{bad}\r\n{ada}\r\n", *FASTAPI_USERS)
    assert said == [
        "line 2: It has 7 columns, and not 6.",
        "lines 3 to 5: It has 1 columns, and not 6.",
        "line 6: is_active is neither true nor false.",
        "1 imported, 3 refused.",
    ]


@pytest.mark.parametrize(
    ("before", "place", "reason"),
    [
        ('"x"y,', "line 3", "',' expected after '\"'"),
        ('"', "lines 3 to 4", "unexpected end of data"),
        ("'\"", "line 3", "a quote within a field is not doubled"),
    ],
    ids=["closed early", "never closed", "inside"],
)
def test_nothing_is_read_after_a_bad_quote(
    authapi: Authapi, tmp_path: Path, before: str, place: str, reason: str
) -> None:
    """Nobody knows whether what follows are rows, or the rest of a text that a user wrote."""
    header, ada, eve, _ = CSV.splitlines()
    file = file_of(tmp_path, f"{header}\n{ada}\n{before}{eve}\n{eve}\n")
    sentence = f"{place}: It is no CSV that authapi reads: {reason}. Nothing after it was read."
    assert authapi("users", "import", file, *FASTAPI_USERS).sentence == sentence


SHA256 = keycloak_pbkdf2("pbkdf2-sha256", "sha256")
BAD_KEYCLOAK: dict[str, dict[str, str]] = {
    "no settings": {"secretData": "{}"},
    "no JSON": {"secretData": "{", "credentialData": "{}"},
    "lists": {"secretData": "[]", "credentialData": "[]"},
    "no Base64": SHA256 | {"secretData": '{"salt": "%", "value": "%"}'},
    "infinite": SHA256
    | {"credentialData": '{"algorithm": "pbkdf2-sha256", "hashIterations": 1e999}'},
    "an argon2 without settings": keycloak_argon2()
    | {"credentialData": '{"algorithm": "argon2", "hashIterations": 1}'},
    "null": {"secretData": "null", "credentialData": "null"},
}


@pytest.mark.parametrize("name", BAD_KEYCLOAK)
def test_a_credential_that_is_none_is_named(authapi: Authapi, tmp_path: Path, name: str) -> None:
    user = {
        "username": "ada",
        "email": ADA,
        "credentials": [{"type": "password", **BAD_KEYCLOAK[name]}],
    }
    said = run(authapi, tmp_path, json.dumps({"users": [user]}), *KEYCLOAK)
    assert said[0] == "user 1: The password hash is not as Keycloak writes one."


def test_users_whom_other_products_deleted_stay_deleted(authapi: Authapi, tmp_path: Path) -> None:
    row = dict(supabase()[0], deleted_at="2024-01-01 00:00:00+00")
    said = run(authapi, tmp_path, as_csv([row]), "--from", "supabase")
    assert said[0] == "line 2: The account was deleted there."


NO_CONFIGS = {
    "empty": "",
    "another algorithm": HASH_CONFIG.replace("SCRYPT", "PBKDF2_SHA256"),
    "no key": HASH_CONFIG.replace("signer_key", "other"),
    "no Base64": HASH_CONFIG.replace("signer_key: ", "signer_key: %"),
    "no number": HASH_CONFIG.replace("rounds: 8", "rounds: eight"),
    "8 GB": HASH_CONFIG.replace("mem_cost: 5", "mem_cost: 23"),
    "binary": "\0\ufffd" * 1000,
}


@pytest.mark.parametrize("name", NO_CONFIGS)
def test_parameters_that_are_none_are_a_sentence(
    authapi: Authapi, tmp_path: Path, name: str
) -> None:
    config = tmp_path / "config"
    config.write_text(NO_CONFIGS[name])
    arguments = (file_of(tmp_path, "{}"), "--from", "firebase", "--hash-config", str(config))
    sentence = authapi("users", "import", *arguments).sentence
    assert sentence.startswith("That is not Firebase's block of hash parameters.")


def test_hashes_of_another_firebase_project_are_named(authapi: Authapi, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(HASH_CONFIG)
    user = {"localId": "a", "email": ADA, "passwordHash": "c2hvcnQ=", "salt": "c2FsdA=="}
    options = ("--from", "firebase", "--hash-config", str(config))
    said = run(authapi, tmp_path, json.dumps({"users": [user]}), *options)
    assert said[0] == "user 1: The password hash or its salt is not this project's."


def test_a_csv_of_firebase_is_refused(authapi: Authapi, tmp_path: Path) -> None:
    """firebase-tools quotes not all: what a user writes can be read as the row of another."""
    config = tmp_path / "config"
    config.write_text(HASH_CONFIG)
    photo = "x\nid,admin@victim.example,true,,"
    file = file_of(tmp_path, f"a,{ADA},false,,,Ada,{photo}\n")
    options = ("--from", "firebase", "--hash-config", str(config))
    assert authapi("users", "import", file, *options).sentence == "The file is no JSON."


@pytest.mark.parametrize(
    "options", [("--from", "firebase"), ("--hash-config", "x"), ("--from", "x")]
)
def test_wrong_usage_is_status_2(
    authapi: Authapi, tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert authapi("users", "import", file_of(tmp_path, GOOD), *options).status == 2


def test_a_file_that_is_none_is_a_sentence(authapi: Authapi, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    said = {
        str(missing): f"{missing} can't be read: No such file or directory.",
        str(tmp_path): f"{tmp_path} can't be read: Is a directory.",
    }
    assert {file: authapi("users", "import", file).sentence for file in said} == said


def test_an_error_of_another_file_is_not_told_as_one_of_this(
    authapi: Authapi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one of the terminal, or of the database's file."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(users_import, "import_users", fail)
    with pytest.raises(OSError, match="No space left on device"):
        authapi("users", "import", file_of(tmp_path, GOOD))


@pytest.fixture
def process_environment(configured: str) -> dict[str, str]:
    return environment(database_url=configured, secret=SECRET, **CHEAP_HASHES)


def test_standard_input_is_read(process_environment: dict[str, str], api: Api) -> None:
    """Through a pipe, which nobody can seek in: `gpg --decrypt users.gpg | authapi …`."""
    done = subprocess.run(
        [AUTHAPI, "users", "import", "-"],
        env=process_environment,
        input=GOOD,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1 imported.\n", "")
    api.login(ADA, "password")


def test_no_standard_input_is_a_sentence(process_environment: dict[str, str]) -> None:
    command = ["sh", "-c", 'exec "$0" users import - <&-', str(AUTHAPI)]
    done = subprocess.run(
        command, env=process_environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "There is no standard input.\n")


def test_a_database_that_is_busy_loses_no_more_than_the_sentence_says(
    process_environment: dict[str, str], configured: str, authapi: Authapi, tmp_path: Path
) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text(GOOD)
    with closing(connect(configured.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        done = subprocess.run(
            [AUTHAPI, "users", "import", str(file)],
            env=process_environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("The database can't be reached, or is busy")
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr
    assert authapi("users", "import", str(file)).output == "1 imported.\n"


def test_an_import_that_was_killed_goes_on(
    process_environment: dict[str, str], authapi: Authapi, api: Api, tmp_path: Path
) -> None:
    lines = [f'{{"email": "user{number}@example.com"}}\n' for number in range(1300)]
    file = tmp_path / "users.jsonl"
    file.write_text("".join(lines))

    def stored() -> int:
        return len(list(list_users(api.app.state.runtime.db)))

    command = [str(AUTHAPI), "users", "import", "-"]
    with subprocess.Popen(command, env=process_environment, stdin=subprocess.PIPE) as process:
        assert process.stdin
        # Two batches and a half, and then it waits for more.
        process.stdin.write("".join(lines[:1200]).encode())
        process.stdin.flush()
        until(lambda: stored() >= 500, seconds=60, every=0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    before = stored()
    assert before in {500, 1000}
    outcome = authapi("users", "import", str(file))
    said = f"{1300 - before} imported without a password, {before} already here.\n"
    assert outcome.output == said
    assert stored() == 1300
