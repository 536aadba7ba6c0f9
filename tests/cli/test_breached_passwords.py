"""The commands that choose a password ask the range service too."""

from collections.abc import Iterator

import pytest

from authapi.services.accounts import breached_passwords
from tests.cli.conftest import Authapi
from tests.support.api import EMAIL, PASSWORD
from tests.support.range_service import RangeService, range_service

STOLEN = "Tr0ub4dor and 3 horses"

pytestmark = pytest.mark.usefixtures("configured")


@pytest.fixture
def ranges(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeService]:
    monkeypatch.setattr(breached_passwords, "TIMEOUT_SECONDS", 30.0)
    with range_service(stolen={STOLEN: 3}) as service:
        monkeypatch.setenv("AUTHAPI_BREACHED_PASSWORDS_URL", service.url)
        yield service


def test_a_stolen_password_makes_no_user(authapi: Authapi, ranges: RangeService) -> None:
    create = ("users", "create", EMAIL, "--password-stdin")
    sentence = authapi(*create, typed=STOLEN).sentence
    assert "stolen from another site" in sentence
    assert STOLEN not in sentence
    assert authapi(*create, typed=PASSWORD).status == 0
    assert len(ranges.asked) == 2


def test_a_stolen_password_is_not_set(authapi: Authapi, ranges: RangeService) -> None:
    authapi("users", "create", EMAIL, "--password-stdin", typed=PASSWORD)
    asked = len(ranges.asked)
    set_password = ("users", "set-password", EMAIL, "--password-stdin")
    assert "at least 8" in authapi(*set_password, typed="short").sentence
    assert len(ranges.asked) == asked
    assert "stolen from another site" in authapi(*set_password, typed=STOLEN).sentence
    assert authapi(*set_password, typed="a quite other one").status == 0


def test_a_service_that_is_down_is_one_sentence(
    authapi: Authapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHAPI_BREACHED_PASSWORDS_URL", "http://127.0.0.1:1/range/")
    monkeypatch.setenv("AUTHAPI_BREACHED_PASSWORDS_FAIL_CLOSED", "true")
    outcome = authapi("users", "create", EMAIL, "--password-stdin", typed=PASSWORD)
    assert outcome.status == 1
    assert "New passwords can't be checked now." in outcome.errors.splitlines()[-1]
