"""compose.yaml: read, since it can't be run here."""

import re
from typing import Any

import pytest
import yaml

from authapi.config import load_settings
from tests.project.tree import ROOT

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))[
    "services"
]
AUTHAPI = [name for name, service in SERVICES.items() if service.get("build")]
SERVED = [name for name in AUTHAPI if name != "migrate"]
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
GIVEN = {"AUTHAPI_SECRET": "0123456789abcdef" * 4, "POSTGRES_PASSWORD": "fedcba9876543210"}


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
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
