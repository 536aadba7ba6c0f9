"""Who may call what: every operation of the OpenAPI document by everybody (ASVS 8.2.1)."""

from collections.abc import Callable

import pytest

from tests.support.administration import Admin
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.databases import sqlite_only
from tests.support.operations import OPERATIONS, PROTECTED, Operation
from tests.support.service import Service

Caller = Callable[[Service], dict[str, str]]
EACH = pytest.mark.parametrize("operation", PROTECTED, ids=str)
PUBLIC = {
    *("POST /register", "POST /login", "POST /login/continue", "POST /refresh", "POST /logout"),
    "POST /login/id-token",
    *("POST /login/passkey/options", "POST /login/passkey", "GET /.well-known/webauthn"),
    "GET /.well-known/passkey-endpoints",
    *("GET /healthz", "GET /readyz", "GET /metrics", "GET /revocations"),
    *("GET /.well-known/jwks.json", "GET /.well-known/oauth-authorization-server"),
    "GET /.well-known/openid-configuration",
    # What comes from a mail is the credential; who asks for one needs none.
    *("POST /email/verify", "POST /email/verify/resend", "POST /email/undo"),
    *("POST /password/forgot", "POST /password/reset"),
}
# An access token is not in a cookie; no provider is in the setting.


def nobody(service: Service) -> dict[str, str]:
    return {}


def with_a_forged_token(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.tokens.access[:-3]}AAA"}


def with_a_refresh_token(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.tokens.refresh}"}


def with_a_password(service: Service) -> dict[str, str]:
    return {"Authorization": f"Basic {EMAIL}:{PASSWORD}"}


def with_a_session_id(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.tokens.sid}"}


def by_the_headers_of_a_proxy(service: Service) -> dict[str, str]:
    me = service.client.get("/me", headers=service.tokens.bearer).json()
    return {
        "X-Auth-Subject": me["id"],
        "X-Auth-Session": service.tokens.sid,
        "X-Remote-User": EMAIL,
        "X-User-Id": me["id"],
        "X-Forwarded-User": EMAIL,
        "X-Original-URL": "/healthz",
        "X-Rewrite-URL": "/healthz",
        "X-HTTP-Method-Override": "GET",
        "X-Forwarded-For": "127.0.0.1",
    }


# What an operation answers to its user, where it is no success: without a cookie, and to an answer
# that nobody asked for.
UNUSUAL = {"/csrf": {401}, "/me/identities": {422}, "/me/passkeys": {400}}

CALLERS: list[Caller] = [
    *(nobody, with_a_forged_token, with_a_refresh_token, with_a_password),
    *(with_a_session_id, by_the_headers_of_a_proxy),
]


def status(service: Service, operation: Operation, headers: dict[str, str]) -> int:
    answer = service.client.request(
        operation.method, operation.path, json=operation.body, headers=headers
    )
    return answer.status_code


def test_the_routes_for_everybody_are_these_alone() -> None:
    assert {str(operation) for operation in OPERATIONS if not operation.is_protected} <= PUBLIC


@EACH
@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.__name__)
def test_no_protected_route_answers_to_who_has_no_credential(
    service: Service, operation: Operation, caller: Caller
) -> None:
    assert status(service, operation, caller(service)) == 401


@pytest.mark.parametrize("name", ["user_id", "sub", "email", "id", "session_id", "access_token"])
@EACH
def test_no_identity_in_the_query_is_believed(
    service: Service, operation: Operation, name: str
) -> None:
    # CVE-2025-61928: an identity in the request in place of a credential.
    me = service.client.get("/me", headers=service.tokens.bearer).json()
    value = {"email": EMAIL, "session_id": service.tokens.sid, "access_token": "x"}
    query = {name: value.get(name, me["id"])}
    answer = service.client.request(
        operation.method, operation.path, params=query, json=operation.body
    )
    assert answer.status_code == 401


@sqlite_only
@EACH
def test_every_protected_route_answers_to_its_user(api: Api, operation: Operation) -> None:
    bearer = api.register_and_login().bearer
    answer = api.client.request(
        operation.method, operation.path, json=operation.body, headers=bearer
    )
    if operation.path.startswith("/admin/"):
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    else:
        assert answer.status_code in UNUSUAL.get(operation.path, {200, 201, 202, 204, 404})


@sqlite_only
@EACH
def test_every_route_of_administration_answers_to_an_administrator(
    api: Api, operation: Operation
) -> None:
    admin = Admin(api)
    answer = api.client.request(
        operation.method, operation.path, json=operation.body, headers=admin.tokens.bearer
    )
    # The last one can't delete the own account.
    allowed = {409} if operation.path == "/me/delete" else {200, 201, 202, 204, 404}
    assert answer.status_code in UNUSUAL.get(operation.path, allowed)


def log_out(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout", headers=tokens.bearer)


def log_out_everywhere(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/logout/all", headers=api.login().bearer)


def end_from_elsewhere(api: Api, tokens: Tokens) -> None:
    api.expect(204, "DELETE", "/sessions", headers=api.login().bearer)


def change_password_elsewhere(api: Api, tokens: Tokens) -> None:
    body = {"current_password": PASSWORD, "new_password": "a new and longer phrase"}
    api.expect(200, "POST", "/me/password", json=body, headers=api.login().bearer)


def delete_the_account(api: Api, tokens: Tokens) -> None:
    api.expect(204, "POST", "/me/delete", json={"password": PASSWORD}, headers=tokens.bearer)


def replay_a_refresh_token(api: Api, tokens: Tokens) -> None:
    api.refreshed(tokens.refresh)
    assert api.refresh(tokens.refresh).status_code == 401


ENDS: list[Callable[[Api, Tokens], None]] = [
    *(log_out, log_out_everywhere, end_from_elsewhere),
    *(change_password_elsewhere, delete_the_account, replay_a_refresh_token),
]


@sqlite_only
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_no_protected_route_answers_after_the_end(
    api: Api, end: Callable[[Api, Tokens], None]
) -> None:
    tokens = api.register_and_login()
    end(api, tokens)
    statuses = {
        str(operation): api.client.request(
            operation.method, operation.path, json=operation.body, headers=tokens.bearer
        ).status_code
        for operation in PROTECTED
    }
    assert statuses == dict.fromkeys(map(str, PROTECTED), 401)
