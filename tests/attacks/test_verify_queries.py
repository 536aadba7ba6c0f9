"""The kind: a slip in what a proxy asks at `/verify` lets everybody pass."""

import pytest

from tests.support.service import Service

SENSELESS = [
    *("scopes=read", "Scope=read", "scope%00=read", "require=read", "=read", "maxage=60", "x=1"),
    *("max-age=60", "max_age[]=60", "scope", "scope=", "scope=%20", "scope=,", "scope=%00"),
    *("audience", "audience=", "audience=%20authapi", "acr", "acr=", "acr=aal3", "acr=AAL1"),
    *("max_age", "max_age=-1", "max_age=+600", "max_age=abc", "max_age=1e9", "max_age=nan"),
    # Each alone would be good.
    *("scope=read&scopes=read", "scope=read&scope=", "max_age=600&max_age=", "acr=aal1&acr=aal3"),
    *("audience=authapi&audience=", "audience=authapi&audience=other", "scope=read&x"),
]


@pytest.mark.parametrize("query", SENSELESS)
def test_a_query_that_makes_no_sense_lets_nobody_pass(service: Service, query: str) -> None:
    answer = service.client.get(f"/verify?{query}", headers=service.tokens.bearer)
    assert answer.status_code in {401, 403}
    below = service.client.get(f"/verify/a?{query}", headers=service.tokens.bearer)
    assert below.status_code == 204  # a stranger wrote it


@pytest.mark.parametrize(
    "query",
    [
        *("", "&", "scope=read", "scope=read&scope=write", "scope=read+write", "%73cope=read"),
        *("audience=authapi&audience=authapi", "acr=aal1&acr=aal1", "max_age=600&max_age=60"),
        "scope=read&audience=authapi&max_age=600&acr=aal1",
    ],
)
def test_a_query_that_is_fulfilled_lets_pass(service: Service, query: str) -> None:
    answer = service.client.get(f"/verify?{query}", headers=service.tokens.bearer)
    assert answer.status_code == 204
