"""The kind: a page of another site lets its visitors' browsers use up the visitors' own limits."""

import pytest

from tests.support.api import Api
from tests.support.databases import sqlite_only
from tests.support.logging import captured

FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
)
OWN: tuple[dict[str, str], ...] = (
    {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null"},
    {},
)
FORMS = {
    "/pages/email/verify": {"token": "x" * 55},
    "/pages/email/verify/resend": {"email": "ada@example.com"},
    "/pages/email/undo": {"token": "x" * 55},
    "/pages/password/forgot": {"email": "ada@example.com"},
    "/pages/password/reset": {"token": "x" * 55, "new_password": "correct horse battery"},
}


@sqlite_only
@pytest.mark.parametrize("path", FORMS)
def test_a_foreign_form_is_refused_and_not_counted(api: Api, path: str) -> None:
    with captured("json") as log:
        for headers in FOREIGN * 10:
            foreign = api.client.post(path, data=FORMS[path], headers=headers)
            assert foreign.status_code == 403
            assert "<h1>" in foreign.text
    refused = [event for event in log.events if event["event"] == "request_refused"]
    assert {event["reason"] for event in refused} == {"another site's page sent the form"}
    statuses = [
        api.client.post(path, data=FORMS[path], headers=headers).status_code for headers in OWN
    ]
    assert {403, 429}.isdisjoint(statuses)
