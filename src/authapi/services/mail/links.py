"""What a link or a code from a mail proves: who has it reads the mailbox of that address.

  proof                                    outcome
  a token of ours, in force                its link
  an address and a right code, in force    its link; each try counts for every link to the address
  anything else                            InvalidLink, the same each time

Nothing is used up here. The use case calls `use_up` in its own transaction, and one caller of many
succeeds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from authapi.crypto.mail_secrets import MailSecrets
from authapi.db import links, users
from authapi.db.database import Database, Transaction
from authapi.db.links import Purpose, StoredLink
from authapi.db.users import Account
from authapi.errors import InvalidLink


@dataclass(frozen=True, slots=True)
class Proof:
    """A token; or an address in its canonical form and a code as typed."""

    token: str | None = field(default=None, repr=False)
    email_canonical: str | None = None
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and recognises the tokens and codes in mails."""

    secrets: MailSecrets

    @staticmethod
    def of(secrets: Sequence[bytes]) -> "Links":
        return Links(MailSecrets(secrets))

    def find(self, db: Database, proof: Proof, purposes: Collection[Purpose]) -> StoredLink:
        """Return the link that the proof is for. Raises InvalidLink."""
        if proof.token is not None:
            link = self._by_token(db, proof.token, purposes)
        else:
            link = self._by_code(db, proof.email_canonical or "", proof.code, purposes)
        if link is None:
            raise InvalidLink
        return link

    def _by_token(
        self, db: Database, token: str, purposes: Collection[Purpose]
    ) -> StoredLink | None:
        mail_id = self.secrets.id_of(token)
        with db.connect() as connection:  # for a forged one too: it costs the same
            link = links.find(connection, mail_id or "", purposes)
        return link if mail_id else None

    def _by_code(
        self, db: Database, email_canonical: str, code: str, purposes: Collection[Purpose]
    ) -> StoredLink | None:
        with db.connect(to_write=True) as connection:
            candidates = links.count_tries(connection, email_canonical, purposes)
        matching = [link for link in candidates if self.secrets.is_code_of(link.id, code)]
        return matching[0] if matching else None


def use_up(tx: Transaction, link: StoredLink) -> Account:
    """Lock the link's account, use the link up, return the account.

    Raises InvalidLink if somebody was faster, the link has run out or the account is disabled.
    """
    account = users.lock(tx, link.user_id)
    # Nothing is written before the link is: to raise inside the block undoes nothing.
    if account is None or account.disabled_at is not None or not links.use(tx, link.id):
        raise InvalidLink
    return account
