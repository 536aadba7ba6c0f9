"""The floor under a refresh: what pgbench gets out of PostgreSQL with the same UPDATE."""

from pathlib import Path

from benchmarks.harness.cores import on_core
from benchmarks.harness.rounds import Measure, Sample
from benchmarks.harness.stage import Stage
from benchmarks.numbered_sessions import NOW, inserted

ROWS = 1000
SID = "left(md5(CAST(:number AS text)), 22)"
# As exchange() sends it (src/authapi/db/sessions.py); here the same token fits again and again.
SCRIPT = f"""
\\set number random(1, {ROWS})
UPDATE sessions SET
  last_exchanged = {SID},
  exchanged_before = substr(last_exchanged || ' ' || exchanged_before, 1, 161),
  exchanged_at = {NOW},
  exchange_keys = md5(CAST(:number AS text)),
  last_used_at = {NOW},
  expires_at = CASE WHEN ends_at < {NOW} + 604800 THEN ends_at ELSE {NOW} + 604800 END
WHERE sid = {SID} AND transport IN ('bearer', 'bearer')
  AND last_exchanged = {SID} AND revoked_at IS NULL
  AND expires_at > {NOW} AND {NOW} < 1e10 AND {NOW} - exchanged_at >= -1
  AND exchange_keys NOT LIKE '%none%'
RETURNING sid, user_id, transport, scopes, created_at, exchanged_at, expires_at, ends_at,
  tokens_from, {NOW};
"""  # noqa: S608 - nothing in it comes from outside


def floor(stage: Stage, clients: int) -> Measure:
    """Updates a second; there is no server whose CPU could be counted."""
    url = stage.postgresql.database()
    stage.postgresql.execute(inserted(ROWS), url=url)
    script = Path(stage.file_of([SCRIPT]))

    def measure(seconds: int) -> Sample:
        with on_core(stage.cores.load):
            per_second = stage.postgresql.pgbench(url, script, seconds=seconds, clients=clients)
        return Sample(per_second, float("nan"))

    return measure
