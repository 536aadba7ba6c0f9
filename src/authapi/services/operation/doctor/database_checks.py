"""Checks of the database, and of what is in it."""

from authapi.crypto.derived_keys import SEAL_TOTP_SECRETS, Seal
from authapi.db import migrations, outbox, totp_secrets
from authapi.db.clock import read_clock
from authapi.db.server_settings import read_durability, read_most_connections
from authapi.errors import OperatorError
from authapi.services.keys.ring import State, states
from authapi.services.keys.rotation import DAY_SECONDS, list_keys
from authapi.services.operation.connections import REMEDY, too_many
from authapi.services.operation.doctor.findings import Found, Patient, Severity
from authapi.services.operation.readiness import LATE_MAIL_SECONDS, MAX_SKEW_SECONDS

WEAK, WRONG = Severity.WEAK, Severity.WRONG

NOTABLE_SKEW_SECONDS = 5
MOST_TOTP_SECRETS = 1000  # are looked at


def schema(patient: Patient) -> Found:
    try:
        is_behind = migrations.missing(patient.db)
    except OperatorError as error:
        yield WRONG, str(error), ""
        return
    if is_behind:
        yield WRONG, "The database schema is behind this release.", "Run `authapi migrate`."


def clock(patient: Patient) -> Found:
    with patient.db.connect() as connection:
        before = patient.clock()
        there = read_clock(connection)
        after = patient.clock()
    # What the question took is no difference.
    skew = max(before - there, there - after, 0)
    if skew > NOTABLE_SKEW_SECONDS:
        severity = WRONG if skew > MAX_SKEW_SECONDS else WEAK
        yield (
            severity,
            f"The clocks of this machine and of the database differ by {skew:.0f} s.",
            "Let both follow a time server (chrony, systemd-timesyncd).",
        )


def keys(patient: Patient) -> Found:
    found, now = list_keys(patient.db)
    state = states(found, now)
    active = next((key for key in found if state[key.kid] is State.ACTIVE), None)
    days = patient.settings.key_rotation_days
    if active is None:
        if patient.running:
            yield WRONG, "No key signs.", "Run `authapi keys rotate --now`."
    elif days and now - active.signs_from > (days + 1) * DAY_SECONDS:
        age = (now - active.signs_from) / DAY_SECONDS
        yield (
            WRONG,
            f"The key {active.kid} has signed for {age:.0f} days, and {days} are allowed.",
            "Is a process running? It replaces keys by itself. Now: `authapi keys rotate`.",
        )


def factors(patient: Patient) -> Found:
    if patient.settings.secret is None:
        yield Severity.UNKNOWN, "Without AUTHAPI_SECRET no TOTP secret can be looked at.", ""
        return
    seal = Seal(patient.settings.secrets, SEAL_TOTP_SECRETS)
    with patient.db.connect() as connection:
        # Ids are random, and so are the first ones. Each takes 20 microseconds.
        looked_at = totp_secrets.list_after(connection, "", MOST_TOTP_SECRETS)
    old = [one for one in looked_at if not seal.is_current(one.sealed)]
    if lost := [one for one in old if not seal.opens(one.sealed)]:
        yield (
            WRONG,
            f"AUTHAPI_SECRET can't open {len(lost)} of {len(looked_at)} TOTP secrets: codes fail.",
            "Put the older secret last in the list, then run `authapi keys reseal`.",
        )
    elif old:
        yield (
            WEAK,
            f"{len(old)} of {len(looked_at)} TOTP secrets are sealed by an older secret.",
            "Run `authapi keys reseal` before that secret goes.",
        )


def mails(patient: Patient) -> Found:
    with patient.db.connect() as connection:
        waiting, age = outbox.depth(connection)
        given_up = outbox.count_given_up(connection)
    if age > LATE_MAIL_SECONDS:
        yield (
            WRONG,
            f"{waiting} mails wait, the oldest for {age / 60:.0f} minutes.",
            "`authapi mail list` says why; then `authapi mail retry`.",
        )
    if given_up:
        yield (
            WEAK,
            f"{given_up} mails were given up.",
            "`authapi mail list` says why; then `authapi mail retry`.",
        )


def durability(patient: Patient) -> Found:
    with patient.db.connect() as connection:
        found = read_durability(connection)
    for name in ("synchronous_commit", "fsync"):
        if found.get(name) == "off":
            yield (
                WRONG,
                f"PostgreSQL's {name} is off: a log-out that was answered can be lost.",
                f"Set {name} = on for this database.",
            )


def connections(patient: Patient) -> Found:
    with patient.db.connect() as connection:
        allowed = read_most_connections(connection)
    if allowed is not None and (problem := too_many(len(patient.running) or 1, allowed)):
        yield WEAK, problem, REMEDY
