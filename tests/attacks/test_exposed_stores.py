"""Whoever is on the way to PostgreSQL or Redis can't be either of them.

The kind: a peer that is believed although nothing proves who it is. A store on another machine is
reached by TLS, or the start stops. Only AUTHAPI_ALLOW_INSECURE_STORES says otherwise.
"""

import pytest

from authapi.config import load_settings
from authapi.errors import CommandError

EXPOSED = {
    "redis_url": (
        "redis://cache",
        "redis://:hunter2@cache:6379/0",
        "redis://10.0.0.7",
        "redis://[2001:db8::1]:6379",
        "redis://localhost.evil.test",
        "redis://127.0.0.1.evil.test",
        "redis://%63ache",
        "redis://?host=cache",
        "redis:///0?host=10.0.0.7",
    ),
    "database_url": (
        "postgresql://db/authapi",
        "postgresql://u:hunter2@db.internal:5432/authapi",
        "postgres://10.0.0.7/authapi",
        "postgresql+psycopg://[2001:db8::1]/authapi",
        "postgresql://db/authapi?sslmode=prefer",
        "postgresql://db/authapi?sslmode=allow",
        "postgresql://db/authapi?sslmode=disable",
        "postgresql://db/authapi?sslmode=",
        "postgresql://db/authapi?sslmode=REQUIRE",
        "postgresql://db/authapi?sslmode=disable&sslmode=require",
        "postgresql://db/authapi?sslrootcert=/etc/ca.pem",
        "postgresql://db/authapi?application_name=sslmode%3Drequire",
        "postgresql:///authapi?host=db",
        "postgresql:///authapi?host=localhost,db",
        "postgresql:///authapi?host=/run/postgresql,db",
        "postgresql:///authapi?host=localhost:5432&host=db:5432",
        "postgresql://localhost,db/authapi?target_session_attrs=read-write",
        "postgresql://localhost/authapi?hostaddr=10.0.0.7",
        "postgresql:///authapi?host=/run/postgresql&hostaddr=10.0.0.7",
        "postgresql://localhost.evil.test/authapi",
        "postgresql:///authapi?service=elsewhere",
    ),
}
SAFE = {
    "redis_url": (
        "rediss://cache",
        "rediss://:hunter2@10.0.0.7:6380/0",
        "redis://localhost",
        "redis://LOCALHOST:6379/0",
        "redis://redis.localhost",
        "redis://:hunter2@127.0.0.1:6379/0",
        "redis://127.8.0.1",
        "redis://[::1]",
        "redis:///0",
    ),
    "database_url": (
        "sqlite:///./authapi.db",
        "postgresql://db/authapi?sslmode=require",
        "postgresql://db/authapi?sslmode=verify-ca&sslrootcert=/etc/ca.pem",
        "postgresql://db/authapi?sslmode=verify-full",
        "postgresql://one,two/authapi?sslmode=verify-full&target_session_attrs=read-write",
        "postgresql:///authapi?host=one:5432&host=two:5433&sslmode=require",
        "postgresql:///authapi?service=elsewhere&sslmode=verify-full",
        "postgresql://localhost/authapi",
        "postgresql://u:hunter2@127.0.0.1:5432/authapi",
        "postgresql://[::1]/authapi",
        "postgresql://127.0.0.1,localhost/authapi",
        "postgresql:///authapi?host=127.0.0.1,::1",
        "postgresql://db.localhost/authapi",
        "postgresql:///authapi",
        "postgresql:///authapi?host=/var/run/postgresql",
        "postgresql:///authapi?host=@abstract",
        "postgresql:///authapi?host=/one,/two",
        "postgresql://u:hunter2@db/authapi?hostaddr=127.0.0.1",
    ),
}
exposed = [(field, url) for field, urls in EXPOSED.items() for url in urls]
safe = [(field, url) for field, urls in SAFE.items() for url in urls]


@pytest.fixture(autouse=True)
def _no_settings_of_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


def refusal(**settings: object) -> str:
    with pytest.raises(CommandError) as caught:
        load_settings(**settings)
    return str(caught.value)


@pytest.mark.parametrize(("field", "url"), exposed)
def test_a_store_on_another_machine_without_tls_stops_the_start(field: str, url: str) -> None:
    sentence = refusal(**{field: url})
    assert sentence.startswith(f"AUTHAPI_{field.upper()} ")
    assert "AUTHAPI_ALLOW_INSECURE_STORES" in sentence
    assert "\n" not in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(("field", "url"), exposed)
def test_a_setting_allows_it(field: str, url: str) -> None:
    assert load_settings(**{field: url}, allow_insecure_stores="true").allow_insecure_stores


@pytest.mark.parametrize(("field", "url"), safe)
def test_tls_or_this_machine_needs_no_setting(field: str, url: str) -> None:
    assert getattr(load_settings(**{field: url}), field)


def test_each_exposed_store_has_its_sentence() -> None:
    lines = refusal(database_url="postgresql://db/x", redis_url="redis://cache")
    assert lines.count("AUTHAPI_DATABASE_URL") == lines.count("AUTHAPI_REDIS_URL") == 1


@pytest.mark.parametrize(
    ("name", "value"), [("PGHOST", "db"), ("PGHOST", "/tmp,db"), ("PGHOSTADDR", "10.0.0.7")]
)
def test_the_hosts_of_libpqs_environment_count(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert refusal(database_url="postgresql:///authapi").startswith("AUTHAPI_DATABASE_URL ")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert load_settings(database_url="postgresql:///authapi")


def test_the_url_outranks_libpqs_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    assert refusal(database_url="postgresql://db/authapi?sslmode=prefer")
    monkeypatch.setenv("PGHOST", "db")
    monkeypatch.delenv("PGSSLMODE")
    assert load_settings(database_url="postgresql://localhost/authapi")


@pytest.mark.parametrize("is_allowed", ["true", "false"])
@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("redis_url", "redis://:hunter2@[::1"),
        ("redis_url", "redis://hunter2\u2100@cache"),
        ("redis_url", "redis://:hunter2@localhost:port"),
        ("redis_url", "redis://:hunter2@localhost:65536"),
        ("redis_url", "redis://:hunter2/3@localhost"),
        ("redis_url", "redis://:hunter2@localhost/0?db=hunter2"),
        ("redis_url", "redis://localhost/0?hunter2=1"),
        ("redis_url", "rediss://localhost/0?ssl_cert_reqs=hunter2"),
        ("database_url", "postgresql://localhost/authapi?hunter2=1"),
        ("database_url", "postgresql://localhost/authapi?password=hunter&hunter2=1"),
    ],
)
def test_a_url_that_its_library_cannot_read_is_told_without_it(
    field: str, url: str, is_allowed: str
) -> None:
    """The kind: a value passes the settings, and then breaks the start or every request."""
    sentence = refusal(**{field: url}, allow_insecure_stores=is_allowed)
    assert sentence.startswith(f"AUTHAPI_{field.upper()} ")
    assert "\n" not in sentence
    assert "hunter2" not in sentence
