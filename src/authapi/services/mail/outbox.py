"""The table where mails wait. A row is written in the transaction of what it tells.

What a mail says is sealed, and holds no token: that is derived from the mail's id when it is sent.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from authapi.crypto.derived_keys import SEAL_MAILS, Seal
from authapi.crypto.ids import new_id
from authapi.db import outbox
from authapi.db.database import Database
from authapi.db.outbox import DueMail, ListedMail
from authapi.errors import NotFound
from authapi.services.mail.messages import Mail, MailKind

MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Outbox:
    """Puts mails into the table, and reads them again."""

    seal: Seal

    @staticmethod
    def of(secrets: Sequence[bytes]) -> "Outbox":
        return Outbox(Seal(secrets, SEAL_MAILS))

    def post(self, connection: Connection, mail: Mail) -> str:
        """Add the mail to the table; return its id. It is sent after the commit."""
        says = asdict(mail)
        del says["kind"], says["user_id"]
        mail_id = new_id()
        sealed = self.seal.seal(json.dumps(says).encode())
        outbox.add(connection, mail_id=mail_id, kind=mail.kind, user_id=mail.user_id, sealed=sealed)
        return mail_id

    def open(self, due: DueMail) -> Mail:
        """Return what waits. Raises WrongSecretError for what another SECRET has sealed."""
        says = json.loads(self.seal.open(due.sealed))
        return Mail(kind=MailKind(due.kind), user_id=due.user_id, **says)


def list_waiting(db: Database) -> Sequence[ListedMail]:
    """Return the mails that wait or were given up, the oldest first: MAX_LISTED at most."""
    with db.connect() as connection:
        return outbox.list_waiting(connection, MAX_LISTED)


def retry_mails(db: Database, mail_id: str | None = None) -> int:
    """Make one mail due now, or all that wait or were given up. Return how many.

    Raises NotFound for an id that none of them has.
    """
    with db.connect(to_write=True) as connection:
        count = outbox.retry(connection, mail_id)
    if mail_id is not None and not count:
        raise NotFound("No mail that waits has this id.")
    return count
