"""Settings: what is accepted, what stops the start, and that no sentence shows a secret."""

import secrets
from pathlib import Path

import pytest
from pydantic import ValidationError

from authapi.config import Settings, load_settings
from authapi.errors import CommandError


def refusal(**overrides: object) -> str:
    with pytest.raises(CommandError) as caught:
        load_settings(**overrides)
    return str(caught.value)


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()
    assert settings.database_file == Path("authapi.db")
    assert settings.public_url == "http://localhost:8000"
    assert settings.hash_concurrency >= 1


def test_the_defaults_keep_their_own_rules() -> None:
    defaults = {field: getattr(load_settings(), field) for field in Settings.model_fields}
    assert load_settings(**defaults) == load_settings()


def test_an_argument_outranks_the_environment_which_outranks_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("AUTHAPI_AUDIENCE=file\nAUTHAPI_SESSION_TTL=5\n")
    assert load_settings().audience == "file"
    monkeypatch.setenv("AUTHAPI_AUDIENCE", "environment")
    assert load_settings().audience == "environment"
    settings = load_settings(audience="argument")
    assert (settings.audience, settings.session_ttl) == ("argument", 5)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load_settings().audience = "other"  # type: ignore[misc]


def test_an_unknown_variable_is_named_with_its_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHAPI_ACCES_TOKEN_TTL", "60")
    expected = "AUTHAPI_ACCES_TOKEN_TTL is not a setting. Did you mean AUTHAPI_ACCESS_TOKEN_TTL?"
    assert refusal() == expected


def test_an_unknown_variable_stops_settings_made_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHAPI_REGISTRATON", "closed")
    with pytest.raises(ValidationError, match="AUTHAPI_REGISTRATON"):
        Settings()


def test_an_unknown_variable_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AUTHAPI_REGISTRATIONS=closed\n")
    assert "Did you mean AUTHAPI_REGISTRATION?" in refusal()


def test_other_variables_in_the_file_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\nAUDIENCE=x\n# AUTHAPI_ note\n")
    assert load_settings().audience == "authapi"


@pytest.mark.parametrize("line", ["AUTHAPI_REGISTRATION closed", "AUTHAPI_REGISTRATION"])
def test_a_line_that_would_be_skipped_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"A=1\n{line}\n")
    assert ".env line 2 can't be read" in refusal()


def test_a_file_that_is_not_text_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    assert refusal().startswith(".env can't be read")


def test_what_kubernetes_adds_for_a_service_named_authapi_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP_ADDR"):
        monkeypatch.setenv(f"AUTHAPI_{name}", "10.0.0.1")
        monkeypatch.setenv(f"AUTHAPI_WEB_{name}", "10.0.0.1")
    assert load_settings().audience == "authapi"


def test_every_problem_is_told_at_once() -> None:
    problems = refusal(access_token_ttl="x", registration="shut", nonsense="1").splitlines()
    assert len(problems) == 3
    assert "AUTHAPI_REGISTRATION should be 'open' or 'closed'." in problems


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("access_token_ttl", 0),
        ("access_token_ttl", 3601),
        ("refresh_idle_ttl", 0),
        ("session_ttl", 0),
        ("refresh_overlap_bearer", -1),
        ("refresh_overlap_bearer", 301),
        ("refresh_overlap_bearer", "until used"),
        ("refresh_overlap_bearer", ""),
        *(("refresh_overlap_cookie", value) for value in (-1, 301)),
        *((field, 10 * 365 * 86400 + 1) for field in ("refresh_idle_ttl", "session_ttl")),
        *(("max_sessions", value) for value in (-1, 1_000_001)),
        *(("clock_leeway", value) for value in (-1, 31)),
        *(("key_rotation_days", value) for value in (-1, 3651)),
        *(("key_publish_delay", value) for value in (-1, 7 * 86400 + 1)),
        *(("event_retention_days", value) for value in (0, 3651)),
        *(("revocation_max_staleness", value) for value in (0, "inf", 3601)),
        ("revocation_poll", 0),
        ("revocation_poll", "nan"),
        ("revocation_poll", "inf"),
        ("hash_memory_kib", 1023),
        ("hash_memory_kib", 4 * 1024 * 1024 + 1),
        *(("hash_time_cost", value) for value in (0, 101)),
        *(("hash_concurrency", value) for value in (0, 257)),
        *(("hash_queue", value) for value in (-1, 10_001)),
        ("signing_algorithm", "none"),
        ("log_format", "xml"),
        ("audience", ""),
        ("audience", "two words"),
        ("audience", "one,other"),
        ("audience", "a" * 201),
        ("audiences", "a" * 201),
        ("audiences", "a,two words"),
        ("cookie_samesite", "off"),
        ("redis_url", "http://cache"),
        ("mail_from", "a@b.example\r\nBcc: c@d.example"),
        ("smtp_url", "mail.example:25"),
        ("allow_insecure_http", "maybe"),
        ("allow_insecure_stores", "maybe"),
        ("limit_refresh", "many"),
        ("limit_login_pair", "10/fortnight"),
        ("limit_login_pair", "0/minute"),
        ("limit_login_pair", "10/minute;0/hour"),
        ("limit_login_pair", "10/99999999999 year"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(field: str, value: object) -> None:
    assert refusal(**{field: value}).startswith(f"AUTHAPI_{field.upper()} ")


def test_a_value_is_refused_where_all_that_goes_with_it_is_right() -> None:
    assert "60" in refusal(revocation_poll=60.1, revocation_max_staleness=100)
    for url in ("smtp://mail.example:0", "smtp://user@mail.example", "smtp://mail.example/path"):
        assert refusal(smtp_url=url, mail_from="a@b.example").startswith("AUTHAPI_SMTP_URL ")


def test_each_bound_is_within() -> None:
    """The kind: a bound that docs/configuration.md tells, and that is one too far."""
    least = {"access_token_ttl": 1, "clock_leeway": 0, "max_sessions": 0, "key_rotation_days": 0}
    least |= {"event_retention_days": 1, "hash_memory_kib": 1024, "hash_time_cost": 1}
    most = {"access_token_ttl": 3600, "clock_leeway": 30, "key_publish_delay": 7 * 86400}
    most |= {"revocation_poll": 60, "revocation_max_staleness": 3600, "hash_concurrency": 256}
    most |= {"refresh_overlap_bearer": 300, "refresh_overlap_cookie": 300}
    for values in (least, most):
        settings = load_settings(**values)
        assert {field: getattr(settings, field) for field in values} == values


@pytest.mark.parametrize(("text", "meant"), [("0", 0), ("300", 300), ("until_used", "until_used")])
def test_the_overlap_for_bearer_is_seconds_or_until_used(
    monkeypatch: pytest.MonkeyPatch, text: str, meant: int | str
) -> None:
    monkeypatch.setenv("AUTHAPI_REFRESH_OVERLAP_BEARER", text)
    settings = load_settings()
    assert settings.refresh_overlap_bearer == meant
    assert settings.masked()["AUTHAPI_REFRESH_OVERLAP_BEARER"] == text


def test_a_bad_overlap_for_bearer_is_one_sentence() -> None:
    assert refusal(refresh_overlap_bearer="x") == (
        "AUTHAPI_REFRESH_OVERLAP_BEARER has to be a number of seconds from 0 to 300, or until_used."
    )
    assert refusal(refresh_overlap_cookie="until_used").startswith("AUTHAPI_REFRESH_OVERLAP_COOKIE")


def test_an_empty_limit_switches_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHAPI_LIMIT_REFRESH", "")
    assert load_settings().limit_refresh == ""


def test_an_empty_optional_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "COOKIE_SAMESITE", "CORS_ORIGINS", "MAIL_DIR", "TRUSTED_PROXIES"):
        monkeypatch.setenv(f"AUTHAPI_{name}", "")
    assert load_settings() == Settings(_env_file=None, redis_url=None, cors_origins=())


def test_settings_that_contradict_each_other_are_refused() -> None:
    assert "needs an https" in refusal(cookie_samesite="None")
    assert "AUTHAPI_MAIL_FROM" in refusal(smtp_url="smtp://mail.example")
    assert "AUTHAPI_REVOCATION_POLL" in refusal(revocation_poll=40)
    assert load_settings(cookie_samesite="None", public_url="https://a.example").cookie_samesite


PASSWORDS = {
    "database_url": "postgresql://u:hunter2@/h@db/x?sslpassword=hunter2&sslsni=0",
    "redis_url": "redis://:hunter2@cache",
    "smtp_url": "smtp://u:hunter2@mail.example",
}


def test_what_is_in_force_is_shown_without_passwords() -> None:
    first, second = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    settings = load_settings(
        secret=f"{first},{second}",
        mail_from="a@b.example",
        allow_insecure_stores=True,
        **PASSWORDS,
    )
    shown = settings.masked()
    assert set(shown) == {f"AUTHAPI_{field.upper()}" for field in Settings.model_fields}
    assert shown["AUTHAPI_SECRET"] == "***,***"
    assert shown["AUTHAPI_DATABASE_URL"] == settings.database_url_masked
    for text in (str(shown), repr(settings), str(settings)):
        assert not any(hidden in text for hidden in ("hunter2", first, second))


def test_what_is_shown_would_be_accepted() -> None:
    shown = {
        name.removeprefix("AUTHAPI_").lower(): v for name, v in load_settings().masked().items()
    }
    del shown["secret"]
    assert load_settings(**shown) == load_settings()


def test_a_refusal_of_pydantic_shows_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(secret="hunter2", database_url="mysql://hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_no_sentence_shows_a_value(field: str) -> None:
    """The kind: a secret that was put into the wrong variable reaches the log."""
    told = ""
    try:
        load_settings(**{field: "hunter2 of \u00e4da"})
    except CommandError as error:
        told = str(error)
    assert "hunter2" not in told
