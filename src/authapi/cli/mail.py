"""`authapi mail`: the mails that wait to be sent."""

import click

from authapi.cli.connecting import TAKES_AN_ID, as_text, connected, settings_in_force
from authapi.cli.printing import say, show
from authapi.services.mail.outbox import list_waiting, retry_mails


@click.group()
def mail() -> None:
    """The mails that wait to be sent."""


@mail.command(name="list")
def list_mails() -> None:
    """Show each mail that waits or was given up, the oldest first. Who it is for is sealed."""
    with connected(settings_in_force()) as db:
        found = list_waiting(db)
    for waiting in found:
        state = "waits"
        if waiting.failed_at is not None:
            state = f"given up {as_text(waiting.failed_at)}"
        elif waiting.next_try_at is not None:
            state = f"next try {as_text(waiting.next_try_at)}"
        fields = [waiting.id, waiting.kind, f"posted {as_text(waiting.created_at)}"]
        fields += [f"{waiting.tries} tries", state, waiting.problem or ""]
        show("\t".join(fields).rstrip())


@mail.command(context_settings=TAKES_AN_ID)
@click.argument("mail_id", metavar="[ID]", required=False)
def retry(mail_id: str | None) -> None:
    """Try one mail again now, or all that wait or were given up."""
    with connected(settings_in_force()) as db:
        count = retry_mails(db, mail_id)
    say(f"{count} mail(s) will be tried now, by the service that runs.")
