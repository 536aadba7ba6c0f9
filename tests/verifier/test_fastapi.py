"""The FastAPI dependencies: what a route gets, what a client gets, what the document says."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from openapi_spec_validator import validate

from authapi.verifier import Claims, Verifier
from authapi.verifier.fastapi import REFUSALS, AccessToken, answer_refusals, following
from authapi.verifier.testing import TokenFactory
from tests.support.app_transport import AppClient
from tests.support.until import until
from tests.verifier.conftest import MakeVerifier
from tests.verifier.fixtures import signer_of

TOKENS = TokenFactory("https://auth.example", "reports")


def make_app(verifier: Verifier, *, answers_refusals: bool = True) -> FastAPI:
    current_subject = Annotated[Claims, Depends(AccessToken(verifier))]
    report_reader = Annotated[Claims, Depends(AccessToken(verifier, "reports:read"))]
    app = FastAPI(lifespan=following(verifier), responses=REFUSALS)
    if answers_refusals:
        answer_refusals(app)

    async def me(subject: current_subject) -> str:
        assert isinstance(subject, Claims)
        return subject.sub

    def reports(subject: report_reader) -> list[str]:
        assert isinstance(subject, Claims)
        return sorted(subject.scopes)

    def fresh(
        subject: Annotated[Claims, Depends(AccessToken(verifier, "reports:read", max_age=60))],
    ) -> str:
        return subject.sub

    def strong(subject: Annotated[Claims, Depends(AccessToken(verifier, acr="aal2"))]) -> str:
        return subject.sub

    def password(subject: Annotated[Claims, Depends(AccessToken(verifier, acr="aal1"))]) -> str:
        return subject.sub

    app.get("/fresh")(fresh)
    app.get("/strong")(strong)
    app.get("/password")(password)
    app.get("/me")(me)
    app.get("/reports")(reports)
    return app


@pytest.fixture
def client() -> Iterator[AppClient]:
    with AppClient(make_app(TOKENS.verifier)) as running:
        yield running


def test_a_route_gets_the_claims(client: AppClient) -> None:
    assert client.get("/me", headers=TOKENS.bearer("ada")).json() == "ada"


def test_a_route_with_a_scope_accepts_who_has_it(client: AppClient) -> None:
    headers = TOKENS.bearer(scopes=["reports:read", "other"])
    assert client.get("/reports", headers=headers).json() == ["other", "reports:read"]


def test_a_route_with_a_scope_refuses_who_does_not(client: AppClient) -> None:
    answer = client.get("/reports", headers=TOKENS.bearer(scopes=["reports"]))
    assert answer.status_code == 403
    assert answer.json()["error"] == "insufficient_scope"
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="authapi", error="insufficient_scope", scope="reports:read"'
    )


def test_no_token_is_asked_for_one(client: AppClient) -> None:
    answer = client.get("/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="authapi"'


@pytest.mark.parametrize("kind", TOKENS.bad_tokens())
def test_every_bad_token_gets_the_same_answer(client: AppClient, kind: str) -> None:
    headers = {"Authorization": f"Bearer {TOKENS.bad_tokens()[kind]}"}
    answer = client.get("/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="authapi", error="invalid_token"'
    assert answer.json() == {
        "error": "invalid_token",
        "error_description": "The access token is not valid.",
    }


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer a b", "Bearer \xff", "x"])
def test_a_header_that_is_no_bearer_token_is_a_bad_one(client: AppClient, value: str) -> None:
    headers = [(b"Authorization", value.encode("latin-1"))]
    assert client.get("/me", headers=headers).status_code == 401


def test_two_headers_are_a_bad_request(client: AppClient) -> None:
    bearer = TOKENS.bearer()["Authorization"]
    answer = client.get("/me", headers=[("Authorization", bearer), ("Authorization", bearer)])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_verifier_that_cannot_tell_is_503() -> None:
    with AppClient(make_app(TOKENS.unready_verifier())) as client:
        answer = client.get("/me", headers=TOKENS.bearer())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"] == "unavailable"


def test_without_our_handler_fastapi_answers_the_same_in_its_own_form() -> None:
    with AppClient(make_app(TOKENS.verifier, answers_refusals=False)) as client:
        answer = client.get("/me")
    assert answer.status_code == 401
    assert answer.json()["detail"]["error"] == "invalid_token"
    assert answer.headers["www-authenticate"] == 'Bearer realm="authapi"'


def test_the_verifier_is_ready_before_the_first_request_and_ends_with_the_app(
    make_verifier: MakeVerifier,
) -> None:
    verifier = make_verifier()
    app = make_app(verifier)

    async def live() -> None:
        async with app.router.lifespan_context(app):
            await asyncio.to_thread(until, lambda: verifier.status().is_ready)

    asyncio.run(live())
    assert verifier._link
    assert verifier._link._thread
    assert not verifier._link._thread.is_alive()


def test_a_token_of_the_issuer_opens_a_route(make_verifier: MakeVerifier) -> None:
    bearer = {"Authorization": f"Bearer {signer_of('ES256').token()}"}
    with AppClient(make_app(make_verifier())) as client:
        assert client.get("/me", headers=bearer).json() == "the-subject"


def document() -> dict[str, Any]:
    return make_app(TOKENS.verifier).openapi()


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_the_document_protects_the_routes_with_one_bearer_scheme() -> None:
    schemes = document()["components"]["securitySchemes"]
    assert schemes["accessToken"]["type"] == "http"
    assert schemes["accessToken"]["scheme"] == "bearer"
    assert len(schemes) == 1
    for path in ("/me", "/reports"):
        assert document()["paths"][path]["get"]["security"] == [{"accessToken": []}]


def test_the_document_names_the_refusals() -> None:
    assert {"400", "401", "403", "503"} <= document()["paths"]["/me"]["get"]["responses"].keys()


def test_a_fresh_log_in_is_demanded_each_time(client: AppClient) -> None:
    """Also of a token that was verified before, and that nothing has to verify again."""
    now = int(TOKENS.verifier.now())
    for age, status in [(0, 200), (50, 200), (70, 401), (-30, 200)]:
        token = TOKENS.token(scopes=["reports:read"], auth_time=now - age)
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/me", headers=headers).status_code == 200
        assert client.get("/fresh", headers=headers).status_code == status


def test_a_refusal_names_the_age_that_is_enough(client: AppClient) -> None:
    headers = {"Authorization": f"Bearer {TOKENS.token(scopes=['reports:read'], auth_time=0)}"}
    answer = client.get("/fresh", headers=headers)
    assert answer.json()["error"] == "insufficient_user_authentication"
    assert answer.headers["www-authenticate"] == (
        'Bearer error="insufficient_user_authentication", max_age="60"'
    )
    headers = {"Authorization": f"Bearer {TOKENS.token(auth_time=0)}"}
    assert client.get("/fresh", headers=headers).status_code == 403  # the scope comes first


def test_a_second_factor_is_demanded(client: AppClient) -> None:
    for acr, status in [("aal2", 200), ("aal1", 401), ("aal3", 401), (2, 401), (["aal2"], 401)]:
        headers = {"Authorization": f"Bearer {TOKENS.token(acr=acr)}"}
        assert client.get("/password", headers=headers).status_code == 200
        answer = client.get("/strong", headers=headers)
        assert answer.status_code == status
        if status == 401:
            assert answer.headers["www-authenticate"].endswith('acr_values="aal2"')


@pytest.mark.parametrize("wanted", [{"max_age": -1}, {"acr": "aal9"}, {"acr": ""}])
def test_what_no_log_in_can_be_is_refused_at_once(wanted: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="max_age is 0 or more"):
        AccessToken(TOKENS.verifier, **wanted)
