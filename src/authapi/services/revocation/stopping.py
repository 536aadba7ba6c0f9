"""Ends all sessions of an account, at one cost however many there are.

1  in the transaction of the cause   one row says so: no session is in force any more (db/stops)
2  after the commit                  this process refuses their tokens; others by their poll
3  then, in batches                  the sessions' rows say so too, and those of a deleted account
                                     and its events forget the person: one batch here, and the
                                     others by the thread of row_follower, whatever has crashed
"""

from contextlib import suppress

from authapi.db import events, stops
from authapi.db.database import Database, Transaction
from authapi.db.models import RevokedReason
from authapi.db.sessions import BATCH_ROWS
from authapi.db.stops import Stopped
from authapi.errors import Unavailable


def stop_sessions(
    tx: Transaction, user_id: str, reason: RevokedReason, *, keep: str = ""
) -> Stopped:
    """End every session of the account but `keep`. The caller holds the user's lock.

    After the commit, hand what it returns to `follow_up`.
    """
    stop = stops.add(tx, user_id, reason, keep=keep)
    tx.note_stop(lambda reading: stops.read_new_sids(reading, stop))
    return stop


def follow_up(db: Database, stop: Stopped) -> int:
    """Mark the rows of a first batch of the sessions as revoked. Return how many.

    Most accounts have no more. A database that is busy now leaves the batch to row_follower.
    """
    ended = 0
    with suppress(Unavailable):
        ended, _ = change_rows(db, stop)
    return ended


def change_rows(db: Database, stop: Stopped) -> tuple[int, bool]:
    """Change a batch of rows. Return how many sessions ended, and whether rows may be left."""
    forgets = stop.reason == RevokedReason.ACCOUNT_DELETED
    with db.begin() as tx:
        ended = stops.end_rows(tx, stop)
        forgotten = 0
        if forgets:
            of_sessions = stops.forget_person(tx, stop.user_id)
            forgotten = max(of_sessions, events.forget(tx, stop.user_id, BATCH_ROWS))
        is_last = max(ended, forgotten) < BATCH_ROWS
        if is_last:
            stops.set_followed(tx, stop)
    return ended, not is_last
