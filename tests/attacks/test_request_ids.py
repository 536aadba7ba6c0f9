"""A stranger can't choose the id under which the log keeps a request.

The kind: a header that only a proxy of ours may set, believed from anybody. With an id of their
choice people hide among the lines of another request, or put false lines beside it.
"""

import re

import pytest

from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.logging import captured

pytestmark = sqlite_only
PROXY = "10.1.2.3"
GIVEN = "chosen-by-the-client"
OURS = re.compile("[0-9a-f]{16}")


def answered_id(make_api: MakeApi, address: str, **settings: object) -> str:
    """Return the id that the answer names, and that the log has too."""
    app = make_api(**settings).app
    with AppClient(app, address=address) as client, captured("json") as log:
        answer = client.get("/nowhere", headers={"X-Request-ID": GIVEN})
    assert log.event("request")["request_id"] == answer.headers["X-Request-ID"]
    return str(answer.headers["X-Request-ID"])


@pytest.mark.parametrize("proxies", [(), ("10.0.0.0/8",)])
def test_a_clients_request_id_is_not_believed(make_api: MakeApi, proxies: tuple[str, ...]) -> None:
    assert OURS.fullmatch(answered_id(make_api, "192.0.2.1", trusted_proxies=proxies))


def test_a_trusted_proxys_request_id_is_kept(make_api: MakeApi) -> None:
    assert answered_id(make_api, PROXY, trusted_proxies=("10.0.0.0/8",)) == GIVEN


def test_no_forwarded_address_makes_a_proxy_of_a_client(make_api: MakeApi) -> None:
    forwarded = {"X-Request-ID": GIVEN, "X-Forwarded-For": PROXY}
    app = make_api(trusted_proxies=("10.0.0.0/8",)).app
    with AppClient(app, address="192.0.2.1") as client:
        answer = client.get("/nowhere", headers=forwarded)
    assert OURS.fullmatch(answer.headers["X-Request-ID"])


def test_two_request_ids_say_nothing(make_api: MakeApi) -> None:
    app = make_api(trusted_proxies=("10.0.0.0/8",)).app
    with AppClient(app, address=PROXY) as client:
        answer = client.get("/", headers=[("X-Request-ID", "one"), ("X-Request-ID", "two")])
    assert OURS.fullmatch(answer.headers["X-Request-ID"])
