"""All checks, one after the other. The table CHECKS is the list of what is looked at.

Nothing is changed, not even a schema that is behind. A check that can't be made says so: the
database may be away, or its schema of another release.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from authapi.clock import Clock
from authapi.config import Settings
from authapi.db import processes
from authapi.db.database import Database, open_database
from authapi.db.remedies import explained
from authapi.errors import OperatorError, Unavailable
from authapi.services.operation.doctor import (
    database_checks,
    machine_checks,
    process_checks,
    settings_checks,
)
from authapi.services.operation.doctor.findings import Check, Finding, Patient, Severity
from authapi.services.operation.presence import SEEN_SECONDS

CHECKS = (
    Check("secret", "There is one, and it is kept.", settings_checks.secret),
    Check("public URL", "It is https, or this machine's.", settings_checks.public_url),
    Check("stores", "They are here, or behind TLS.", settings_checks.stores_of),
    Check("limits", "All are on.", settings_checks.limits),
    Check("cookies", "They fit the origins.", settings_checks.cookies),
    Check("mail", "They are sent, or written as files.", settings_checks.mails),
    Check("purge", "It is on.", settings_checks.purge),
    Check("hashes", "They cost enough.", settings_checks.hashes),
    Check("hash cost", "It fits this machine.", machine_checks.hash_cost),
    Check("redis", "It is not used, or has a password.", machine_checks.redis),
    Check("schema", "It is of this release.", database_checks.schema),
    Check("clock", "It agrees with the database's.", database_checks.clock),
    Check("durability", "What is committed stays.", database_checks.durability),
    Check("keys", "One signs, and is young enough.", database_checks.keys, needs_schema=True),
    Check("factors", "TOTP secrets are up to date.", database_checks.factors, needs_schema=True),
    Check("outbox", "No mail waits for long.", database_checks.mails, needs_schema=True),
    Check("processes", "They run.", process_checks.presence, needs_schema=True),
    Check("connections", "They are few enough.", database_checks.connections, needs_schema=True),
    Check("settings", "All run by the same.", process_checks.same_settings, needs_schema=True),
    Check("proxies", "Those that forward are trusted.", process_checks.proxies, needs_schema=True),
)


def examine(settings: Settings, environment: Mapping[str, str], clock: Clock) -> Sequence[Finding]:
    """Return what each check has found, at least one finding each."""
    with closing(open_database(settings.database_url, clock)) as db:
        patient = Patient(settings, environment, db, clock)
        problem = _problem(patient)
        if problem is None:
            patient = replace(patient, running=_running(db))
        return [finding for check in CHECKS for finding in _make(check, patient, problem)]


def _problem(patient: Patient) -> str | None:
    """Return why what is in the tables can't be looked at."""
    try:
        found = list(database_checks.schema(patient))
    except Unavailable as error:
        return f"The database can't be reached: {error.__cause__ or 'it is busy'}."
    return found[0][1] if found else None


def _running(db: Database) -> Sequence[processes.Running]:
    with db.connect() as connection:
        return processes.list_seen(connection, SEEN_SECONDS)


def _make(check: Check, patient: Patient, problem: str | None) -> Iterator[Finding]:
    if check.needs_schema and problem:
        yield Finding(check.name, Severity.UNKNOWN, problem)
        return
    try:
        with explained(patient.settings.database_url):
            found = [Finding(check.name, *one) for one in check.look(patient)]
    except (Unavailable, OperatorError) as error:
        told = error.__cause__ if isinstance(error, Unavailable) else error
        reason = str(told or error).partition("\n")[0]
        severity = Severity.WRONG if check.name == "schema" else Severity.UNKNOWN
        yield Finding(check.name, severity, f"The database can't be asked: {reason}")
        return
    yield from found or [Finding(check.name, Severity.FINE, check.fine)]
