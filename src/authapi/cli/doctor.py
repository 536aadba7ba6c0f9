"""`authapi doctor`: what is wrong or weak in a running set-up.

Exit status 0 if all is fine, 3 if something is weak, 1 if something is wrong.
"""

import json
import os
from dataclasses import asdict

import click

from authapi import clock, logs
from authapi.cli.connecting import settings_in_force
from authapi.cli.printing import show
from authapi.services.operation.doctor.examination import examine
from authapi.services.operation.doctor.findings import Finding, Severity

STATUS = {Severity.WRONG: 1, Severity.WEAK: 3}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON array, for a program.")
def doctor(*, as_json: bool) -> None:
    """Look for what is wrong or weak. Changes nothing. Status 3 for weak, 1 for wrong."""
    settings = settings_in_force()
    logs.configure(settings.log_format)
    findings = examine(settings, os.environ, clock.now)
    if as_json:
        show(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            show(_row(finding))
    found = {finding.severity for finding in findings}
    for severity, status in STATUS.items():
        if severity in found:
            raise click.exceptions.Exit(status)


def _row(finding: Finding) -> str:
    remedy = f" {finding.remedy}" if finding.remedy else ""
    return f"{finding.severity:<8}{finding.check:<12}{finding.sentence}{remedy}"
