"""`authapi doctor`: it finds each mistake that is planted, and nothing where there is none.

Each row of PLANTED is a mistake in the environment. Mistakes in the database, in Redis and among
the processes have tests of their own.
"""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from authapi import clock
from authapi.config import load_settings
from authapi.crypto.derived_keys import SEAL_TOTP_SECRETS, Seal
from authapi.db import migrations, totp_secrets
from authapi.db.database import open_database
from authapi.services.operation.doctor import machine_checks, settings_checks
from authapi.services.operation.doctor.findings import Patient
from authapi.services.operation.presence import Presence, Traffic
from tests.cli.conftest import Authapi
from tests.support.clock import TestClock
from tests.support.databases import DATABASES, postgresql_only, sqlite_only
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.settings import SECRET

on_both = pytest.mark.parametrize("database_url", DATABASES, indirect=True)

Findings = dict[str, list[dict[str, Any]]]
HEALTHY = {
    "public_url": "https://auth.example",
    "mail_dir": "mails",
    "hash_memory_kib": "19456",
    "hash_time_cost": "2",
}


@pytest.fixture(autouse=True)
def healthy(
    configured: str, monkeypatch: pytest.MonkeyPatch, authapi: Authapi, clock: TestClock
) -> Iterator[None]:
    """Set up a service in which nothing is wrong, with one key and one process."""
    began = time.time()
    clock.advance(began - clock())  # PostgreSQL's
    monkeypatch.setattr("authapi.clock.now", lambda: began)  # a busy machine takes long
    for name, value in HEALTHY.items():
        monkeypatch.setenv(f"AUTHAPI_{name.upper()}", value)
    assert authapi("keys", "rotate", "--now").status == 0
    with running():
        yield


class running:  # noqa: N801 - it reads as what it is
    """A process that tells of itself, as one that serves does."""

    def __init__(self, traffic: Traffic | None = None, **overrides: object) -> None:
        self._settings = load_settings(**overrides)
        self._presence = Presence(self._settings, clock.now)
        if traffic:
            self._presence.traffic = traffic

    def __enter__(self) -> None:
        with closing(open_database(self._settings.database_url, clock.now)) as db:
            self._presence.tell(db)

    def __exit__(self, *_error: object) -> None:
        pass  # the database is the test's


def examine(authapi: Authapi) -> tuple[int, Findings]:
    outcome = authapi("doctor", "--json")
    found: Findings = {}
    for finding in json.loads(outcome.output):
        found.setdefault(finding["check"], []).append(finding)
    return outcome.status, found


def severities(findings: Findings) -> dict[str, str]:
    """Return what is not fine, but for the tests' PostgreSQL, which loses commits to be quick."""
    return {
        name: finding["severity"]
        for name, group in findings.items()
        for finding in group
        if finding["severity"] != "fine" and name != "durability"
    }


def execute(statement: str) -> None:
    with closing(open_database(load_settings().database_url, clock.now)) as db, db.begin() as tx:
        tx.execute(text(statement))


@on_both
def test_a_healthy_service_has_no_finding(authapi: Authapi) -> None:
    assert severities(examine(authapi)[1]) == {}


@sqlite_only
def test_the_rows_name_check_sentence_and_remedy(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_PURGE", "false")
    outcome = authapi("doctor")
    assert outcome.status == 3
    [row] = [line for line in outcome.output.splitlines() if " purge " in line]
    assert row.startswith("weak    purge       AUTHAPI_PURGE is off: ")
    assert row.endswith("Remove AUTHAPI_PURGE, or run `authapi purge` every day.")


PLANTED = [
    ("public URL", "wrong", {"public_url": "http://auth.example", "allow_insecure_http": "true"}),
    (
        "public URL",
        "weak",
        {
            "public_url": "http://localhost:8000",
            "smtp_url": "smtp://localhost",
            "mail_from": "auth@example.com",
        },
    ),
    ("stores", "wrong", {"redis_url": "redis://cache.example", "allow_insecure_stores": "true"}),
    ("limits", "weak", {"limit_login_account": ""}),
    ("cookies", "weak", {"cors_origins": "https://app.elsewhere.example.org"}),
    ("cookies", "weak", {"cookie_samesite": "none", "cors_origins": "https://app.auth.example"}),
    ("mail", "weak", {"mail_dir": ""}),
    ("purge", "weak", {"purge": "false"}),
    ("hashes", "weak", {"hash_memory_kib": "1024", "hash_time_cost": "1"}),
    ("hash cost", "wrong", {"hash_memory_kib": "4194304", "hash_concurrency": "256"}),
]


@sqlite_only
@pytest.mark.parametrize(("check", "severity", "mistake"), PLANTED)
def test_a_mistake_in_the_settings_is_found(
    authapi: Authapi,
    monkeypatch: pytest.MonkeyPatch,
    check: str,
    severity: str,
    mistake: dict[str, str],
) -> None:
    execute("DELETE FROM processes")
    for name, value in mistake.items():
        monkeypatch.setenv(f"AUTHAPI_{name.upper()}", value)
    with running():
        status, findings = examine(authapi)
    assert severity in {finding["severity"] for finding in findings[check]}
    assert all(finding["remedy"] for finding in findings[check])
    assert status == (1 if "wrong" in severities(findings).values() else 3)


@sqlite_only
def test_a_secret_that_others_can_read_is_found(
    authapi: Authapi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(load_settings().secret.get_secret_value())  # type: ignore[union-attr]
    file.chmod(0o644)
    monkeypatch.delenv("AUTHAPI_SECRET")
    monkeypatch.setenv("AUTHAPI_SECRET_FILE", str(file))
    assert severities(examine(authapi)[1]) == {"secret": "wrong"}
    file.chmod(0o600)
    assert severities(examine(authapi)[1]) == {}


@sqlite_only
def test_one_sqlite_file_on_two_machines_is_found(authapi: Authapi) -> None:
    execute(
        "INSERT INTO processes SELECT 'another', 'elsewhere', version, started_at, seen_at,"
        " settings, 0, 0, NULL FROM processes"
    )
    assert severities(examine(authapi)[1]) == {"secret": "wrong"}


@postgresql_only
def test_a_missing_secret_is_found(authapi: Authapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTHAPI_SECRET")
    status, findings = examine(authapi)
    assert (status, findings["secret"][0]["severity"]) == (1, "wrong")
    assert findings["factors"][0]["severity"] == "unknown"


@sqlite_only
def test_postgresql_on_another_machine_without_tls_is_found() -> None:
    away = "postgresql://db.example/authapi"
    settings = load_settings(database_url=away, allow_insecure_stores=True)
    with closing(open_database(away, clock.now)) as db:
        [(severity, sentence, _)] = settings_checks.stores_of(Patient(settings, {}, db, clock.now))
    assert (severity, sentence.partition(" ")[0]) == ("wrong", "PostgreSQL")


@postgresql_only
def test_links_to_this_machine_are_found(authapi: Authapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHAPI_PUBLIC_URL", "http://localhost:8000")
    assert severities(examine(authapi)[1])["public URL"] == "weak"


@sqlite_only
def test_a_hash_that_takes_long_is_found(authapi: Authapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "SLOW_HASH_SECONDS", 1e-9)
    assert severities(examine(authapi)[1]) == {"hash cost": "weak"}


@sqlite_only
def test_the_memory_of_a_container_counts(
    authapi: Authapi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("33554432\n")
    monkeypatch.setattr(machine_checks, "MEMORY_OF_GROUP", tmp_path / "memory.max")
    assert severities(examine(authapi)[1]) == {"hash cost": "wrong"}


@on_both
def test_processes_with_different_settings_are_found(authapi: Authapi) -> None:
    with running(session_ttl=60):
        status, findings = examine(authapi)
    assert (status, severities(findings)) == (1, {"settings": "wrong"})
    assert "AUTHAPI_SESSION_TTL" in findings["settings"][0]["sentence"]


@sqlite_only
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("secret", "another secret for tests which is long enough"),
        ("redis_url", "redis://:p@127.0.0.1/1"),
    ],
)
def test_a_different_secret_is_found_and_not_told(authapi: Authapi, field: str, value: str) -> None:
    overrides: dict[str, Any] = {field: value}
    with running(**overrides):
        _, findings = examine(authapi)
    sentence = findings["settings"][0]["sentence"]
    assert f"AUTHAPI_{field.upper()}" in sentence
    with (
        closing(open_database(load_settings().database_url, clock.now)) as db,
        db.connect() as connection,
    ):
        rows = " ".join(connection.scalars(text("SELECT settings FROM processes")))
    assert "AUTHAPI_SECRET" in rows
    assert "long enough" not in rows
    assert ":p@" not in rows


@sqlite_only
def test_a_shell_with_other_settings_is_told_so(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_SESSION_TTL", "60")
    status, findings = examine(authapi)
    assert (status, severities(findings)) == (3, {"settings": "weak"})


@on_both
def test_no_process_is_told(authapi: Authapi) -> None:
    execute("DELETE FROM processes")
    assert severities(examine(authapi)[1]) == {"processes": "weak"}


@on_both
def test_processes_of_several_releases_are_found(authapi: Authapi) -> None:
    execute(
        "INSERT INTO processes SELECT 'another', host, '0.0.1', started_at, seen_at,"
        " settings, 0, 0, NULL FROM processes"
    )
    _, findings = examine(authapi)
    assert severities(findings) == {"processes": "weak"}
    assert "0.0.1" in findings["processes"][0]["sentence"]


@sqlite_only
def test_a_proxy_that_is_not_trusted_is_found(authapi: Authapi) -> None:
    traffic = Traffic()
    traffic.note("10.0.0.9", is_forwarded=True)
    execute("DELETE FROM processes")
    with running(traffic):
        _, findings = examine(authapi)
    assert severities(findings) == {"proxies": "wrong"}
    assert "10.0.0.9" in findings["proxies"][0]["remedy"]


@sqlite_only
def test_a_stranger_who_forges_the_header_is_no_proxy(authapi: Authapi) -> None:
    traffic = Traffic()
    for is_forwarded in (True, False, False):
        traffic.note("192.0.2.1", is_forwarded=is_forwarded)
    execute("DELETE FROM processes")
    with running(traffic):
        assert severities(examine(authapi)[1]) == {}


@sqlite_only
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_stranger_is_not_named_as_the_proxy_of_others(authapi: Authapi, place: int) -> None:
    """The remedy would have the operator trust the stranger."""
    traffic, senders = Traffic(), ["10.0.0.9"] * 6
    senders[place:place] = ["192.0.2.66", "192.0.2.67"]
    for sender in senders:
        traffic.note(sender, is_forwarded=True)
    execute("DELETE FROM processes")
    with running(traffic):
        _, findings = examine(authapi)
    assert "10.0.0.9" in findings["proxies"][0]["remedy"]
    assert "192.0.2" not in str(findings)


@postgresql_only
@pytest.mark.parametrize(("seconds", "severity"), [(-100, "wrong"), (10, "weak")])
def test_a_clock_that_differs_is_found(
    authapi: Authapi, clock: TestClock, seconds: float, severity: str
) -> None:
    clock.advance(seconds)
    assert severities(examine(authapi)[1])["clock"] == severity


@on_both
def test_a_schema_that_is_behind_is_found_and_left_so(authapi: Authapi, configured: str) -> None:
    migrations.downgrade(configured, "0011")
    status, findings = examine(authapi)
    assert (status, findings["schema"][0]["severity"]) == (1, "wrong")
    assert findings["keys"][0]["severity"] == "unknown"
    assert severities(examine(authapi)[1])["schema"] == "wrong"


@postgresql_only
def test_tables_that_may_not_be_read_are_found(
    authapi: Authapi, configured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(configured)
    options = f"{url.query['options']} -c role=pg_monitor"  # a role of PostgreSQL's own
    as_another = url.update_query_dict({"options": options})
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", as_another.render_as_string(hide_password=False))
    _, findings = examine(authapi)
    assert findings["schema"][0]["severity"] == "wrong"
    assert "Grant it" in findings["schema"][0]["sentence"]
    assert findings["keys"][0] == findings["schema"][0] | {
        "check": "keys",
        "severity": "unknown",
        "remedy": findings["keys"][0]["remedy"],
    }


@sqlite_only
def test_a_file_that_is_no_database_is_found(authapi: Authapi, configured: str) -> None:
    Path(configured.removeprefix("sqlite:///")).write_bytes(b"no database " * 1000)
    status, findings = examine(authapi)
    assert (status, findings["schema"][0]["severity"]) == (1, "wrong")
    assert "is not an SQLite database" in findings["schema"][0]["sentence"]
    assert findings["clock"][0]["severity"] == "unknown"
    assert "name another file" in findings["clock"][0]["sentence"]


@on_both
def test_processes_without_a_key_that_signs_are_found(authapi: Authapi) -> None:
    execute("DELETE FROM signing_keys")
    assert severities(examine(authapi)[1]) == {"keys": "wrong"}


@sqlite_only
def test_a_key_that_is_overdue_is_found(authapi: Authapi) -> None:
    execute(f"UPDATE signing_keys SET signs_from = signs_from - {92 * 86400}")
    assert severities(examine(authapi)[1]) == {"keys": "wrong"}


@on_both
def test_totp_secrets_of_an_older_secret_are_found(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = Seal([b"another secret that is long enough"], SEAL_TOTP_SECRETS).seal(b"x" * 20)
    execute(
        "INSERT INTO users (id, email, email_canonical, password_hash, scopes, created_at) "
        "VALUES ('u', 'a@example.com', 'a@example.com', '!', '', 1)"
    )
    execute("INSERT INTO factors (id, user_id, kind, created_at) VALUES ('f', 'u', 'totp', 1)")
    with closing(open_database(load_settings().database_url, clock.now)) as db, db.begin() as tx:
        totp_secrets.add(tx, "f", sealed)
    assert severities(examine(authapi)[1]) == {"factors": "wrong"}
    monkeypatch.setenv("AUTHAPI_SECRET", f"{SECRET},another secret that is long enough")
    assert severities(examine(authapi)[1])["factors"] == "weak"
    assert authapi("keys", "reseal").output == "0 key(s) and 1 TOTP secret(s) sealed anew.\n"
    assert "factors" not in severities(examine(authapi)[1])


@on_both
def test_mails_that_wait_and_that_were_given_up_are_found(authapi: Authapi) -> None:
    execute(
        "INSERT INTO outbox (id, kind, created_at, next_try_at, tries) VALUES ('a', 'x', 1, 1, 0)"
    )
    assert severities(examine(authapi)[1]) == {"outbox": "wrong"}
    execute("UPDATE outbox SET next_try_at = NULL, failed_at = 1")
    assert severities(examine(authapi)[1]) == {"outbox": "weak"}


@postgresql_only
def test_commits_that_can_be_lost_are_found(authapi: Authapi, configured: str) -> None:
    def found() -> str:
        return str([one["sentence"] for one in examine(authapi)[1]["durability"]])

    database = make_url(configured).database
    assert "fsync is off" in found()
    assert "synchronous_commit is off" in found()
    execute(f'ALTER DATABASE "{database}" SET synchronous_commit = on')
    try:
        assert "synchronous_commit" not in found()
    finally:
        execute(f'ALTER DATABASE "{database}" RESET synchronous_commit')


@postgresql_only
def test_processes_that_may_open_too_many_connections_are_found(
    authapi: Authapi, configured: str
) -> None:
    database = make_url(configured).database
    execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT 40')
    execute("DELETE FROM processes")
    try:
        with running():
            assert severities(examine(authapi)[1]) == {}
        with running():
            _, findings = examine(authapi)
    finally:
        execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT -1')
    assert severities(findings) == {"connections": "weak"}
    assert "2 processes with 32" in findings["connections"][0]["sentence"]
    assert "PgBouncer" in findings["connections"][0]["remedy"]


@postgresql_only
def test_a_database_that_is_away_is_told(authapi: Authapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", "postgresql://127.0.0.1:1/nothing")
    status, findings = examine(authapi)
    assert status == 1
    assert findings["schema"][0]["severity"] == "wrong"
    assert findings["clock"][0]["severity"] == "unknown"


@needs_redis
@sqlite_only
def test_redis_without_a_password_and_redis_that_is_away_are_found(
    authapi: Authapi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute("DELETE FROM processes")
    server = RedisServer(tmp_path)
    monkeypatch.setenv("AUTHAPI_REDIS_URL", server.url)
    with closing(server), running():
        assert severities(examine(authapi)[1]) == {"redis": "wrong"}
        server.start()
        assert severities(examine(authapi)[1]) == {"redis": "wrong"}
        server.client.config_set("requirepass", "a password")
        assert severities(examine(authapi)[1]) == {}


@sqlite_only
def test_settings_that_may_differ_do(authapi: Authapi) -> None:
    with running(hash_concurrency=7, log_format="json"):
        assert severities(examine(authapi)[1]) == {}
