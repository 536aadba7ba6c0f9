"""GET /readyz names every part, and every problem at once, also while the database is down."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from authapi.db.migrations import downgrade
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.databases import postgresql_only, sqlite_only

ALWAYS = ["database", "schema", "signing keys", "revocations", "clock", "password hashes", "mails"]
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
NO_REDIS = "redis://127.0.0.1:1/0"


def parts(answer: dict[str, Any]) -> dict[str, str]:
    assert all(part["detail"].endswith(".") for part in answer["parts"])
    return {part["name"]: part["state"] for part in answer["parts"]}


def test_every_part_is_named_when_all_is_well(api: Api) -> None:
    answer = api.expect(200, "GET", "/readyz").json()
    assert parts(answer) == dict.fromkeys(ALWAYS, "ok")
    assert answer["warnings"] == []


def test_every_problem_is_named_while_the_database_is_down(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = make_api(database_url=NOWHERE, redis_url=NO_REDIS)
    api.app.state.runtime.mail_sender.oldest_seconds = 700.0
    monkeypatch.setattr(type(api.app.state.runtime.password_pool), "taken_share", 1.0)
    answer = api.expect(503, "GET", "/readyz").json()
    assert parts(answer) == {
        "database": "failed",
        "schema": "unknown",
        "signing keys": "failed",
        "revocations": "failed",
        "clock": "ok",
        "redis": "warning",
        "password hashes": "warning",
        "mails": "warning",
    }
    assert answer["not_ready"] == ["database", "signing keys", "revocations"]
    assert len(answer["warnings"]) == 3
    assert "127.0.0.1" not in str(answer)


@sqlite_only
def test_a_file_that_is_damaged_is_a_part_that_failed(api: Api, database_url: str) -> None:
    runtime = api.app.state.runtime
    runtime.db.engine.dispose()
    Path(database_url.removeprefix("sqlite:///")).write_bytes(b"no database " * 1000)
    answer = api.expect(503, "GET", "/readyz").json()
    assert parts(answer)["database"] == "failed"


@postgresql_only
def test_a_schema_that_is_behind_is_named(make_api: MakeApi, database_url: str) -> None:
    downgrade(database_url, "-1")
    api = make_api()
    answer = api.expect(503, "GET", "/readyz").json()
    assert answer["not_ready"] == ["schema", "signing keys", "revocations"]
    assert parts(answer)["database"] == "ok"


@postgresql_only
def test_tables_that_may_not_be_read_are_named(make_api: MakeApi, database_url: str) -> None:
    url = make_url(database_url)
    options = f"{url.query['options']} -c role=pg_monitor"  # a role of PostgreSQL's own
    as_another = url.update_query_dict({"options": options})
    api = make_api(database_url=as_another.render_as_string(hide_password=False))
    answer = api.expect(503, "GET", "/readyz").json()
    assert answer["not_ready"] == ["schema", "signing keys", "revocations"]
