"""A refusal is small, whatever was refused.

The kind: an answer that grows with what was sent. 64 KB of unknown fields once made 646 KB of 422,
and an object for each field on the way.
"""

import json

import httpx
import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.operations import CHANGED_BY_PATCH, OWN_BODIES
from tests.support.rows import every_row
from tests.support.service import Service

MOST_MEMBERS = 20
MOST_ERRORS = 10
MOST_BYTES = 2 * 1024
SECRET = "not-for-an-answer"


def refused(service: Service, path: str, body: object) -> httpx.Response:
    method = "PATCH" if path in CHANGED_BY_PATCH else "POST"
    headers = service.tokens.bearer | {"Content-Type": "application/json"}
    # json.dumps: httpx can't write a lone surrogate.
    answer = service.client.request(method, path, content=json.dumps(body), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_error")
    assert len(answer.content) < MOST_BYTES
    assert SECRET not in answer.text
    return answer


def unknown(count: int) -> dict[str, object]:
    return {f"field_{number}": SECRET for number in range(count)}


@pytest.mark.parametrize("path", OWN_BODIES)
def test_a_body_full_of_unknown_fields_gets_one_sentence(service: Service, path: str) -> None:
    body = {f"{number:x}": 0 for number in range(6_000)}
    assert 40_000 < len(json.dumps(body)) < 65_536
    assert refused(service, path, body).json()["errors"] == [
        {"loc": ["body"], "msg": "A body has at most 20 members", "type": "too_many_members"}
    ]


@pytest.mark.parametrize("path", OWN_BODIES)
def test_an_answer_has_ten_errors_at_most(service: Service, path: str) -> None:
    errors = refused(service, path, unknown(MOST_MEMBERS)).json()["errors"]
    assert len(errors) == MOST_ERRORS
    errors = refused(service, path, unknown(MOST_MEMBERS + 1)).json()["errors"]
    assert [error["type"] for error in errors] == ["too_many_members"]


def test_the_error_names_the_unknown_field(service: Service) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "remember_me": SECRET, "user-name": [SECRET]}
    assert refused(service, "/login", body).json()["errors"] == [
        {"loc": ["body", name], "msg": "This field is not known", "type": "extra_forbidden"}
        for name in ("remember_me", "user-name")
    ]


NO_NAMES = {
    "empty": "",
    "long": "a" * 41,
    "as long as a body": "a" * 60_000,
    "a sentence, such as a password": PASSWORD,
    "a token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
    "a line break": "a\nb",
    "a last line break": "a\n",
    "a colour on a terminal": "\x1b[31m",
    "a right-to-left override": "\u202eadmin",
    "a lone surrogate": "\ud800",
    "NUL": "\x00",
    "markup": "<script>",
    "other letters": "\uff45mail",
}


def test_what_looks_like_no_name_is_not_repeated(service: Service) -> None:
    with every_row() as row:
        for name, field in NO_NAMES.items():
            with row(name):
                body = {"email": EMAIL, "password": PASSWORD, field: SECRET}
                answer = refused(service, "/login", body)
                assert [error["loc"] for error in answer.json()["errors"]] == [["body"]]
                assert not field or field not in answer.text


@pytest.mark.parametrize("query", ["wait=x&" * 8_000, "wait=" + "9" * 60_000, "since=x&wait=x"])
def test_a_long_query_gets_a_short_answer(service: Service, query: str) -> None:
    answer = service.client.get("/revocations?" + query)
    assert answer.status_code in (400, 422)
    assert len(answer.content) < MOST_BYTES
