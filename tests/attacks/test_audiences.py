"""The kind: a credential for one service that is good at another (issue 11, row 10).

A token that is sent to a service can be used by that service. So it may have one for itself alone
(RFC 8707): it opens nothing of authapi's but the end of its session, and no other service.
"""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from authapi.verifier import InvalidTokenError, Verifier
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.cookies import set_cookies
from tests.support.databases import sqlite_only
from tests.support.operations import PROTECTED, Operation
from tests.support.transports import REFRESHING, Holder

pytestmark = sqlite_only

OWN, OTHER, URL = "authapi", "reports", "https://billing.example/api"
PROXY = "10.1.2.3"
NOT_ISSUED = "Access tokens are not issued for this resource."
OWN_ROUTES = [operation for operation in PROTECTED if not operation.path.startswith("/verify")]


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    made = make_api(audiences=(OTHER, URL), trusted_proxies=(PROXY,))
    made.register()
    return made


@pytest.fixture
def behind_proxy(api: Api) -> Iterator[AppClient]:
    with AppClient(api.app, address=PROXY) as client:
        yield client


def invalid_target(told: str) -> dict[str, str]:
    return {"error": "invalid_target", "error_description": told}


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def refreshed(api: Api, tokens: Tokens, **body: object) -> Tokens:
    sent = {"refresh_token": tokens.refresh, **body}
    return Tokens(api.expect(200, "POST", "/refresh", json=sent).json())


@pytest.mark.parametrize("operation", OWN_ROUTES, ids=str)
def test_a_token_for_another_service_manages_no_account(api: Api, operation: Operation) -> None:
    tokens = api.login(resource=OTHER)
    assert api.verify(tokens) == 204  # so it is in the cache of those that were verified
    answer = api.client.request(
        operation.method, operation.path, json=operation.body, headers=tokens.bearer
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("resource", [OTHER, URL])
def test_a_token_names_the_service_alone(api: Api, resource: str) -> None:
    assert claims_of(api.login(resource=resource).access)["aud"] == resource


def test_a_token_may_be_for_authapi_itself(api: Api) -> None:
    tokens = api.login(resource=OWN)
    assert claims_of(tokens.access)["aud"] == OWN
    api.expect(200, "GET", "/me", headers=tokens.bearer)


def test_a_refresh_names_the_service_anew(api: Api) -> None:
    tokens, audiences = api.login(resource=OTHER), []
    for resource in (None, OTHER, URL, OWN, None):
        tokens = refreshed(api, tokens, resource=resource)
        audiences.append(claims_of(tokens.access)["aud"])
    assert audiences == [OWN, OTHER, URL, OWN, OWN]


@pytest.mark.parametrize("resource", ["", "Reports", "reports ", "report", f"{URL}/", "x" * 5000])
def test_another_service_is_refused(api: Api, resource: str) -> None:
    named = "The resource" if len(resource) in {0, 5000} else f"`{resource}`"
    refused = invalid_target(f"{named} is not in AUTHAPI_AUDIENCES.")
    body = {"email": EMAIL, "password": PASSWORD, "resource": resource}
    assert api.expect(400, "POST", "/login", json=body).json() == refused
    tokens = api.login()
    sent = {"refresh_token": tokens.refresh, "resource": resource}
    assert api.expect(400, "POST", "/refresh", json=sent).json() == refused
    assert refreshed(api, tokens)  # the refusal has used nothing up


@pytest.mark.parametrize("resource", [1, True, [OTHER], {}, "reports\n", "\0", "\x7f"])
def test_what_is_no_name_of_a_service_is_no_valid_field(api: Api, resource: object) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "resource": resource}
    answer = api.expect(422, "POST", "/login", json=body).json()
    assert [error["loc"] for error in answer["errors"]] == [["body", "resource"]]


@pytest.mark.parametrize("resource", ["<b>", 'a"b', "a`b", "a\\b", "\u00fc"])
def test_a_name_that_no_service_has_is_not_repeated(api: Api, resource: str) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "resource": resource}
    answer = api.expect(400, "POST", "/login", json=body).json()
    assert answer == invalid_target("The resource is not in AUTHAPI_AUDIENCES.")


def test_elsewhere_than_on_this_machine_nothing_is_repeated(make_api: MakeApi) -> None:
    api = make_api(public_url="https://auth.example")
    body = {"email": EMAIL, "password": PASSWORD, "resource": OTHER}
    assert api.expect(400, "POST", "/login", json=body).json() == invalid_target(NOT_ISSUED)


def test_the_refusal_tells_nothing_of_accounts_and_counts_as_no_failure(api: Api) -> None:
    for email, password in ((EMAIL, PASSWORD), (EMAIL, "wrong"), ("no@body.example", "wrong")):
        body = {"email": email, "password": password, "resource": "another"}
        for _ in range(20):
            refused = invalid_target("`another` is not in AUTHAPI_AUDIENCES.")
            assert api.expect(400, "POST", "/login", json=body).json() == refused
    assert api.login()


def test_without_audiences_there_is_authapi_alone(make_api: MakeApi) -> None:
    alone = make_api()
    alone.register()
    body = {"email": EMAIL, "password": PASSWORD, "resource": OTHER}
    refused = invalid_target("`reports` is not in AUTHAPI_AUDIENCES.")
    assert alone.expect(400, "POST", "/login", json=body).json() == refused
    assert claims_of(alone.login(resource=OWN).access)["aud"] == OWN


def access_token_of(holder: Holder) -> str:
    cookies = set_cookies(holder.answer)
    return str(holder.body.get("access_token") or cookies["access"].value)


@pytest.mark.parametrize("transport", REFRESHING)
def test_a_session_of_each_transport_can_name_a_service(api: Api, transport: str) -> None:
    holder = Holder(api, transport)
    named = {"email": EMAIL, "password": PASSWORD, "transport": transport, "resource": OTHER}
    holder.take(holder.send("POST", "/login", json=named))
    assert holder.status("GET", "/verify") == 204
    assert holder.status("GET", "/verify?audience=reports") == 204
    assert holder.status("GET", "/me") == 401
    token = holder.body.get("refresh_token")
    holder.take(holder.send("POST", "/refresh", json={"refresh_token": token} if token else {}))
    assert holder.status("GET", "/verify?audience=reports") == 401
    assert holder.is_in()


def test_a_session_without_access_tokens_can_be_for_authapi_only(api: Api) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "transport": "session"}
    assert api.expect(400, "POST", "/login", json={**body, "resource": OTHER}).json() == (
        invalid_target(NOT_ISSUED)
    )
    holder = Holder(api, "session")
    holder.take(holder.send("POST", "/login", json={**body, "resource": OWN}))
    assert holder.status("GET", "/verify?audience=authapi") == 204
    assert holder.status("GET", "/verify?audience=reports") == 401


def test_a_retry_may_name_another_service_and_gets_the_same_refresh_token(api: Api) -> None:
    tokens, key = api.login(), {"Idempotency-Key": "a-random-key-of-24-chars"}
    answers = [
        Tokens(
            api.expect(
                200,
                "POST",
                "/refresh",
                json={"refresh_token": tokens.refresh, "resource": resource},
                headers=key,
            ).json()
        )
        for resource in (OTHER, URL, None)
    ]
    assert len({answer.refresh for answer in answers}) == 1
    assert [claims_of(answer.access)["aud"] for answer in answers] == [OTHER, URL, OWN]


def test_a_token_for_another_service_can_end_its_session(api: Api) -> None:
    downstream = api.login(resource=OTHER)
    own = refreshed(api, downstream)
    api.expect(204, "POST", "/logout", headers=downstream.bearer)
    assert [api.verify(tokens) for tokens in (downstream, own)] == [401, 401]


def test_every_token_of_a_session_is_revoked_with_it(api: Api) -> None:
    first = api.login(resource=OTHER)
    second = refreshed(api, first, resource=URL)
    own = refreshed(api, second)
    assert [api.verify(tokens) for tokens in (first, second, own)] == [204] * 3
    api.expect(204, "POST", "/logout/all", headers=own.bearer)
    assert [api.verify(tokens) for tokens in (first, second, own)] == [401] * 3


QUERIES = [
    ("", {OWN, OTHER, URL}),
    ("audience=authapi", {OWN}),
    ("audience=reports", {OTHER}),
    ("audience=https%3A%2F%2Fbilling.example%2Fapi", {URL}),
    ("audience=", set()),
    ("audience=another", set()),
    ("audience=Reports", set()),
    ("audience=reports&audience=authapi", set()),
    ("audience=reports,authapi", set()),
    ("audience=reports&x=1", set()),
    ("audience=%00", set()),
]


@pytest.mark.parametrize(("query", "accepted"), QUERIES)
def test_verify_can_demand_a_service(api: Api, query: str, accepted: set[str]) -> None:
    for resource in (OWN, OTHER, URL):
        headers = api.login(resource=resource).bearer
        for _ in range(2):  # the second time the token is remembered
            answer = api.client.get(f"/verify?{query}", headers=headers)
            assert answer.status_code == (204 if resource in accepted else 401)
    refusal = api.client.get("/verify?audience=no", headers=headers)
    assert refusal.headers["WWW-Authenticate"] == 'Bearer realm="authapi", error="invalid_token"'
    assert (
        refusal.content == api.client.get("/verify", headers={"Authorization": "Bearer x"}).content
    )


REQUIRED = [
    ([("X-Auth-Require-Audience", OTHER)], 204),
    ([("X-Auth-Require-Audience", OWN)], 401),
    ([("X-Auth-Require-Audience", "")], 401),
    ([("X-Auth-Require-Audience", OTHER), ("X-Auth-Require-Audience", OWN)], 401),
    ([("X-Auth-Require-Scope", "")], 403),
    ([("X-Auth-Require-Scope", "read")], 403),
    ([("X-Auth-Require-Scope", "read"), ("X-Auth-Require-Audience", OWN)], 401),
]


@pytest.mark.parametrize("path", ["/verify", "/verify/", "/verify/a/b"])
@pytest.mark.parametrize(("headers", "status"), REQUIRED)
def test_a_trusted_proxy_can_demand_service_and_scope(
    api: Api, behind_proxy: AppClient, path: str, headers: list[tuple[str, str]], status: int
) -> None:
    sent = [*api.login(resource=OTHER).bearer.items(), *headers]
    assert behind_proxy.get(path, headers=sent).status_code == status
    assert api.client.get(path, headers=sent).status_code == 204  # anybody can send a header


@pytest.mark.parametrize("path", ["/verify/", "/verify/a", "/verify/a/b"])
@pytest.mark.parametrize("query", ["scope=admin", "audience=another", "scope=%ff&audience="])
def test_below_verify_the_query_is_the_original_requests(
    api: Api, behind_proxy: AppClient, path: str, query: str
) -> None:
    bearer = api.login().bearer
    for client in (api.client, behind_proxy):
        assert client.get(f"{path}?{query}", headers=bearer).status_code == 204
        assert client.get(f"/verify?{query}", headers=bearer).status_code in (401, 403)


def test_a_service_takes_the_tokens_of_its_own_names_alone(api: Api) -> None:
    runtime = api.app.state.runtime

    def accepts(tokens: Tokens, *names: str) -> bool:
        verifier = Verifier(
            issuer=runtime.settings.public_url,
            audience=names,
            jwks=runtime.tokens.keys.ring,
            revocations=None,
            clock=runtime.clock,
        )
        try:
            return verifier.verify(tokens.access).audiences == {OTHER}
        except InvalidTokenError:
            return False

    tokens = api.login(resource=OTHER)
    assert accepts(tokens, OTHER)
    assert accepts(tokens, URL, OTHER)
    assert not accepts(tokens, OWN)
    assert not accepts(tokens, OWN, URL)
