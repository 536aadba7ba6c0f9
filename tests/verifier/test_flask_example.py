"""examples/flask_api.py, as its users would run and test it."""

import importlib.util
from typing import Any

import pytest

from authapi.verifier import Verifier
from authapi.verifier.testing import TokenFactory
from tests.project.tree import ROOT
from tests.verifier.fake_issuer import FakeIssuer
from tests.verifier.fixtures import signer_of

pytest.importorskip("flask")

TOKENS = TokenFactory()


def client_of(verifier: Verifier) -> Any:
    spec = importlib.util.spec_from_file_location("flask_api", ROOT / "examples/flask_api.py")
    assert spec
    assert spec.loader
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example.make_app(verifier).test_client()


@pytest.fixture(scope="module")
def client() -> Any:
    return client_of(TOKENS.verifier)


def test_a_view_knows_the_subject(client: Any) -> None:
    answer = client.get("/me", headers=TOKENS.bearer("ada", scopes=["x"]))
    assert answer.json == {"id": "ada", "scopes": ["x"]}


def test_no_token_is_asked_for_one(client: Any) -> None:
    answer = client.get("/me")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'
    assert answer.json["error"] == "invalid_token"


@pytest.mark.parametrize("kind", TOKENS.bad_tokens())
def test_a_bad_token_is_refused(client: Any, kind: str) -> None:
    bearer = {"Authorization": f"Bearer {TOKENS.bad_tokens()[kind]}"}
    assert client.get("/me", headers=bearer).status_code == 401


def test_a_view_with_a_scope_refuses_who_does_not_have_it(client: Any) -> None:
    assert client.get("/reports", headers=TOKENS.bearer()).status_code == 403
    headers = TOKENS.bearer(scopes=["reports:read"])
    assert client.get("/reports", headers=headers).status_code == 200


def test_a_verifier_that_cannot_tell_is_503() -> None:
    answer = client_of(TOKENS.unready_verifier()).get("/me", headers=TOKENS.bearer())
    assert answer.status_code == 503


def test_keys_and_log_outs_come_over_the_network(make_verifier: Any, issuer: FakeIssuer) -> None:
    client = client_of(make_verifier())
    bearer = {"Authorization": f"Bearer {signer_of('ES256').token()}"}
    assert client.get("/me", headers=bearer).status_code == 200
    assert client.get("/healthz").json == {"revocations_stale": False}
