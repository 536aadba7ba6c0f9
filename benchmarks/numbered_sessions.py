"""Sessions by the million, as one INSERT: their sids are digests of their numbers, from 1."""

import hashlib

NOW = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


def sid_of(number: int) -> str:
    # In no order, like real ones: PostgreSQL's md5() says the same.
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()[:22]


def inserted(count: int, *, revoked: bool = False) -> str:
    """The statement: sessions of the users in turn; of nobody where there is none."""
    # Over most of the hour that a process remembers: nobody's users log out in the same second.
    ended = f"now - 3000.0 * number / {count}, 'logout'" if revoked else "NULL, NULL"
    return f"""
INSERT INTO sessions (sid, user_id, transport, scopes, created_at, last_used_at, expires_at,
  ends_at, revoked_at, revoked_reason, last_exchanged, exchanged_at, exchanged_before,
  exchange_keys, user_agent, ip)
SELECT sid, users.ids[1 + number % array_length(users.ids, 1)], 'bearer', 'reports:read',
  now, now, now + 604800, now + 2592000, {ended}, sid, now, '', '', 'benchmark', '127.0.0.1'
FROM (SELECT number, left(md5(CAST(number AS text)), 22) AS sid, {NOW} AS now
  FROM generate_series(1, {count}) AS number) AS numbered,
  (SELECT array_agg(id) AS ids FROM users) AS users
"""  # noqa: S608 - nothing in it comes from outside
