"""Which usernames are free. One that was given up rests for REST_SECONDS: nobody else gets it.

  the name is                                        to the user who gave it up     to others
  in use                                             taken                          taken
  given up within REST_SECONDS, by an account        free                           taken
  the same, and the account was deleted since        -                              taken
  given up earlier                                   free                           free
  of a registration that waits for its proof         -                              taken, but for
                                                                                    its address

A race ends in `take`: it looks after the write, which waited for whoever held the name, and in its
turn among those who write the name into either table (db/users.take_turn).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from authapi.crypto.name_digests import NameDigests
from authapi.db import pending_registrations, released_names, users
from authapi.db.database import Transaction
from authapi.db.users import Account
from authapi.errors import UsernameTaken
from authapi.services.accounts.names import canonical

REST_SECONDS = 30 * 86400


@dataclass(frozen=True, slots=True)
class Usernames:
    """Knows which names rest."""

    digests: NameDigests

    def require_unclaimed(
        self, connection: Connection, name: str | None, user_id: str | None = None, email: str = ""
    ) -> None:
        """Raise UsernameTaken while a canonical name rests, or waits for another's registration.

        `email` is the canonical address of who wants the name: a registration may be their own.
        """
        if name and (
            released_names.is_resting(connection, self.digests.of(name), user_id)
            or pending_registrations.is_reserved(connection, name, email)
        ):
            raise UsernameTaken

    def find_claimed(self, connection: Connection, owners: Mapping[str, str]) -> Collection[str]:
        """Return which canonical names rest, or wait for another's registration.

        `owners` are the canonical addresses of who wants them, by name.
        """
        reserved = pending_registrations.find_reserved(connection, owners)
        others = {name for name, email in reserved.items() if email != owners[name]}
        return others | self._find_resting(connection, owners)

    def _find_resting(self, connection: Connection, names: Iterable[str]) -> set[str]:
        of_digests = {digest: name for name in names for digest in self.digests.of(name)}
        resting = released_names.find_resting(connection, of_digests.keys())
        return {of_digests[digest] for digest in resting}

    def take(self, tx: Transaction, name: str | None, user_id: str, email: str = "") -> None:
        """Give a name to the user who has just been stored under it. Raises UsernameTaken.

        A raise undoes the transaction, and with it the write.
        """
        users.take_turn(tx, name)
        self.require_unclaimed(tx, name, user_id, email)
        if name:
            released_names.remove(tx, self.digests.of(name))

    def give_up(self, tx: Transaction, account: Account, *, deleted: bool = False) -> None:
        """Let the account's name rest, if it has one. The caller holds the user's lock."""
        if account.username is None:
            return
        digests = self.digests.of(canonical(account.username))
        released_names.remove(tx, digests)
        user_id = None if deleted else account.id
        released_names.add(tx, digests[0], user_id, REST_SECONDS)
