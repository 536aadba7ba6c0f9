"""`authapi config`: what is in force, with secrets masked."""

from pathlib import Path

import pytest

from authapi.config import Settings
from tests.cli.conftest import Authapi
from tests.support.settings import SECRET


def shown(authapi: Authapi) -> dict[str, str]:
    outcome = authapi("config")
    assert (outcome.status, outcome.errors) == (0, "")
    return dict(line.split("=", 1) for line in outcome.output.splitlines())


def test_every_setting_is_shown(authapi: Authapi) -> None:
    assert set(shown(authapi)) == {f"AUTHAPI_{name.upper()}" for name in Settings.model_fields}


def test_the_environment_outranks_the_file(
    authapi: Authapi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("AUTHAPI_AUDIENCE=file\nAUTHAPI_LOG_FORMAT=json\n")
    monkeypatch.setenv("AUTHAPI_AUDIENCE", "environment")
    settings = shown(authapi)
    assert settings["AUTHAPI_AUDIENCE"] == "environment"
    assert settings["AUTHAPI_LOG_FORMAT"] == "json"


def test_no_secret_is_shown(authapi: Authapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHAPI_SECRET", f"{SECRET},{SECRET[::-1]}")
    url = "postgresql://authapi:hunter2@db/authapi?sslmode=require"
    monkeypatch.setenv("AUTHAPI_DATABASE_URL", url)
    monkeypatch.setenv("AUTHAPI_SMTP_URL", "smtp://user:hunter2@mail:25")
    monkeypatch.setenv("AUTHAPI_MAIL_FROM", "a@example.com")
    monkeypatch.setenv("AUTHAPI_REDIS_URL", "rediss://:hunter2@redis")
    output = authapi("config").output
    assert "AUTHAPI_SECRET=***,***\n" in output
    for secret in (SECRET, SECRET[::-1], "hunter2"):
        assert secret not in output
