"""Checks of the processes that serve, by what each tells of itself."""

import json

from authapi.services.operation.doctor.findings import Found, Patient, Severity
from authapi.services.operation.presence import comparable

WEAK, WRONG = Severity.WEAK, Severity.WRONG

SECRET = "AUTHAPI_SECRET"  # noqa: S105 - a name
# Their digests are made with the secret.
OF_THE_SECRET = {"AUTHAPI_REDIS_URL", "AUTHAPI_SMTP_URL"}


def presence(patient: Patient) -> Found:
    if not patient.running:
        yield (
            WEAK,
            "No process runs, or none has said so yet.",
            "Start `authapi serve`. A new process is seen after two seconds.",
        )
    if len(versions := sorted({running.version for running in patient.running})) > 1:
        yield (
            WEAK,
            f"Processes of several releases run: {', '.join(versions)}.",
            "Finish the roll-out.",
        )


def same_settings(patient: Patient) -> Found:
    told = [json.loads(running.settings) for running in patient.running]
    if differing := _differing(told):
        yield (
            WRONG,
            f"Processes run with different settings: {', '.join(differing)}.",
            "Give each process the same ones, and restart those that are behind.",
        )
    elif told and (changed := _differing([told[0], dict(comparable(patient.settings))])):
        yield (
            WEAK,
            f"This shell's settings are not those of the processes: {', '.join(changed)}.",
            "Run `authapi doctor` with the same environment, or restart the processes.",
        )


def _differing(told: list[dict[str, str]]) -> list[str]:
    """Return the names of the settings that are not the same in all. Other releases have others."""
    names = set.intersection(*map(set, told)) if told else set()
    differing = {name for name in names if len({one[name] for one in told}) > 1}
    return sorted(differing - OF_THE_SECRET if SECRET in differing else differing)


def proxies(patient: Patient) -> Found:
    for running in patient.running:
        if running.forwarded * 2 > running.requests:
            yield (
                WRONG,
                f"{running.forwarder} forwards requests to {running.host}, and is not trusted: "
                "all clients count as one address, and share its limits.",
                f"Add {running.forwarder} to AUTHAPI_TRUSTED_PROXIES, if it is your proxy.",
            )
            return
