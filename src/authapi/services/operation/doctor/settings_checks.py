"""Checks of the settings alone."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

from authapi.config import stores
from authapi.services.operation.doctor.findings import Found, Patient, Severity
from authapi.verifier.loopback import is_loopback_host

WEAK, WRONG = Severity.WEAK, Severity.WRONG

LIMITS = "limit_"
# OWASP's least settings of argon2id: KiB, and passes.
LEAST_HASHES = ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5))


def secret(patient: Patient) -> Found:
    settings, hosts = patient.settings, {running.host for running in patient.running}
    if settings.secret is None and settings.database_file is None:
        yield WRONG, "There is no secret, so no process can start.", "Set AUTHAPI_SECRET."
    if settings.database_file and len(hosts) > 1:
        named = ", ".join(sorted(hosts))
        yield (
            WRONG,
            f"Several machines share one SQLite file, and the secret beside it: {named}.",
            "Use PostgreSQL, and give each process the same AUTHAPI_SECRET.",
        )
    given = patient.environment.get("AUTHAPI_SECRET_FILE")
    if given and _is_open_to_others(Path(given)):
        yield (
            WRONG,
            f"Other users of this machine can read the secret in {given}.",
            f"chmod 600 {given}, then rotate the secret: docs/keys.md.",
        )


def _is_open_to_others(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o007)
    except OSError:
        return False  # the start says so


def public_url(patient: Patient) -> Found:
    settings = patient.settings
    is_here = is_loopback_host(urlsplit(settings.public_url).hostname or "")
    if not settings.is_https and not is_here:
        yield (
            WRONG,
            f"{settings.public_url} is not https: anybody on the way reads passwords and tokens.",
            "Put TLS before it, and set AUTHAPI_PUBLIC_URL to the https address.",
        )
    elif is_here and (settings.database_file is None or settings.smtp_url):
        yield (
            WEAK,
            f"{settings.public_url} is this machine: links in mails lead nowhere else.",
            "Set AUTHAPI_PUBLIC_URL to the address that clients use.",
        )


def stores_of(patient: Patient) -> Found:
    settings = patient.settings
    if stores.is_database_exposed(settings.database_url):
        yield (
            WRONG,
            "PostgreSQL is on another machine, and TLS is not demanded.",
            "Add sslmode=verify-full to AUTHAPI_DATABASE_URL, or sslmode=require at least.",
        )
    if settings.redis_url and stores.is_redis_exposed(settings.redis_url):
        yield (
            WRONG,
            "Redis is on another machine, without TLS.",
            "Let AUTHAPI_REDIS_URL begin with rediss://.",
        )


def limits(patient: Patient) -> Found:
    settings = patient.settings
    for field in type(settings).model_fields:
        if field.startswith(LIMITS) and not getattr(settings, field):
            variable = f"AUTHAPI_{field.upper()}"
            yield WEAK, f"{variable} is off.", f"Remove {variable}: its default is a limit."


def cookies(patient: Patient) -> Found:
    settings = patient.settings
    own = urlsplit(settings.public_url)
    foreign = [origin for origin in settings.cors_origins if _site(origin) != _site(own.geturl())]
    if foreign and settings.cookie_samesite != "none":
        yield (
            WEAK,
            f"{foreign[0]} is another site than {settings.public_origin}: browsers send it no "
            "cookies, so that only transport bearer works there.",
            "Serve both from one site, or set AUTHAPI_COOKIE_SAMESITE=none.",
        )
    if settings.cookie_samesite == "none" and not foreign:
        yield (
            WEAK,
            "AUTHAPI_COOKIE_SAMESITE is none, and no origin of another site needs that.",
            "Remove AUTHAPI_COOKIE_SAMESITE.",
        )


def _site(url: str) -> tuple[str, str]:
    """Return scheme and the last two labels: without a list of suffixes, the nearest to a site."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_name = not is_loopback_host(host) and not host.replace(".", "").isdigit()
    return parts.scheme, ".".join(host.split(".")[-2:]) if is_name else host


def mails(patient: Patient) -> Found:
    settings = patient.settings
    if not settings.smtp_url and not settings.mail_dir:
        yield (
            WEAK,
            "Mails are not sent: nobody can reset a password.",
            "Set AUTHAPI_SMTP_URL and AUTHAPI_MAIL_FROM.",
        )


def purge(patient: Patient) -> Found:
    if not patient.settings.purge:
        yield (
            WEAK,
            "AUTHAPI_PURGE is off: what has ended stays in the database.",
            "Remove AUTHAPI_PURGE, or run `authapi purge` every day.",
        )


def hashes(patient: Patient) -> Found:
    settings = patient.settings
    memory, passes = settings.hash_memory_kib, settings.hash_time_cost
    if not any(memory >= least and passes >= most for least, most in LEAST_HASHES):
        yield (
            WEAK,
            f"A hash takes {memory} KiB and {passes} passes, less than OWASP's least.",
            "Remove AUTHAPI_HASH_MEMORY_KIB and AUTHAPI_HASH_TIME_COST.",
        )
