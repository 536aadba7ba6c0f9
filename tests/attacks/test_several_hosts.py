"""Kind: closed lists without a switch. Here: several hosts in the URL, as libpq takes them.

`postgresql://HOST:PORT,HOST:PORT/NAME` has a standby beside its primary. The one that takes writes
is meant: `tests/faults/systems/test_standby.py` has both.
"""

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from authapi.config import Settings
from tests.support.settings import settings_for


def settings(url: str) -> Settings:
    return settings_for(url, allow_insecure_stores=True)


def options(url: str) -> dict[str, str]:
    """Return what psycopg is given."""
    parsed = make_url(settings(url).database_url)
    _, given = parsed.get_dialect()().create_connect_args(parsed)
    return dict(given)


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("a,b", "a,b", ","),
        ("a:5433,b:5434", "a,b", "5433,5434"),
        ("a,b:5434", "a,b", ",5434"),
        ("[::1]:5433,[2001:db8::1]", "::1,2001:db8::1", "5433,"),
        ("%2Frun%2Fpostgresql,b", "/run/postgresql,b", ","),
    ],
)
def test_several_hosts_are_taken_as_libpq_takes_them(hosts: str, host: str, port: str) -> None:
    given = options(f"postgresql://ada:s%40cret@{hosts}/authapi?target_session_attrs=read-write")
    assert (given["host"], given.get("port")) == (host, port)
    assert (given["user"], given["password"]) == ("ada", "s@cret")
    assert given["dbname"] == "authapi"


def test_one_host_stays_as_it_is() -> None:
    given = options("postgresql://ada:secret@[::1]:5433/authapi?sslmode=require")
    assert (given["host"], int(given["port"])) == ("::1", 5433)


@pytest.mark.parametrize("hosts", ["a:x,b", "a:0,b", "a:99999,b", "a,,b", ",", "[::1,b"])
def test_hosts_that_are_none_are_refused(hosts: str) -> None:
    with pytest.raises(ValidationError, match="hosts") as refusal:
        settings(f"postgresql://ada:secret@{hosts}/authapi")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("wanted", ["standby", "read-only", "prefer-standby"])
def test_a_server_that_only_reads_can_not_be_asked_for(wanted: str) -> None:
    with pytest.raises(ValidationError, match="target_session_attrs"):
        settings(f"postgresql://ada@a,b/authapi?target_session_attrs={wanted}")


def test_several_hosts_are_on_this_machine_if_each_is() -> None:
    settings_for("postgresql://ada@localhost,127.0.0.1:5433/authapi")
    with pytest.raises(ValidationError, match="TLS"):
        settings_for("postgresql://ada@localhost,db.internal/authapi")


def test_the_password_is_masked() -> None:
    masked = settings("postgresql://ada:secret@a:1,b:2/authapi").database_url_masked
    assert "secret" not in masked
