"""The OpenAPI document: a client that is generated from it is usable."""

import json
import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate

from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only
from tests.support.operations import DOCUMENT

OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
EACH = pytest.mark.parametrize("name", OPERATIONS)
PUBLIC = {
    *("POST /register", "POST /login", "POST /refresh", "GET /healthz", "GET /readyz"),
    *("POST /login/continue", "POST /login/id-token", "GET /.well-known/webauthn"),
    *("POST /login/passkey/options", "POST /login/passkey", "GET /.well-known/passkey-endpoints"),
    *("GET /metrics", "GET /revocations", "GET /.well-known/jwks.json"),
    *("GET /.well-known/oauth-authorization-server", "GET /.well-known/openid-configuration"),
    *("POST /email/verify", "POST /email/verify/resend", "POST /email/undo"),
    *("POST /password/forgot", "POST /password/reset"),
}
HEADERS = {"401": "WWW-Authenticate", "405": "Allow", "429": "Retry-After", "503": "Retry-After"}


def schema_errors(schema: dict[str, Any], value: object) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


def errors_of(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {status: said for status, said in operation["responses"].items() if status >= "400"}


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_a_bound_has_the_name_that_json_schema_gives_it() -> None:
    """pydantic writes its own name, which nobody reads, where a validator stands before a bound."""
    for name in ("GET /sessions", "GET /me/events", "GET /admin/users", "GET /admin/events"):
        (limit,) = (each for each in OPERATIONS[name]["parameters"] if each["name"] == "limit")
        assert {"minimum": 1, "maximum": 100}.items() <= limit["schema"].items()
    assert not re.search(r'"(ge|le|gt|lt|max_length|min_length)":', json.dumps(DOCUMENT))


def test_it_names_every_route_of_this_release() -> None:
    released = {
        *("POST /register", "POST /login", "POST /refresh", "POST /logout", "POST /logout/all"),
        *("GET /me", "PATCH /me", "POST /me/password", "POST /me/delete"),
        *("GET /sessions", "DELETE /sessions", "DELETE /sessions/{session_id}"),
        *("GET /verify", "GET /healthz", "GET /readyz"),
    }
    assert released <= set(OPERATIONS)


def test_each_operation_has_a_readable_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+){0,3}", name)] == []


@EACH
def test_each_operation_says_what_it_does(name: str) -> None:
    assert OPERATIONS[name]["summary"]
    assert OPERATIONS[name]["description"]
    assert set(OPERATIONS[name]["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]} != set()


@EACH
def test_protected_routes_and_only_they_want_a_credential(name: str) -> None:
    proof: dict[str, list[str]] = {} if name.startswith("GET ") else {"csrfToken": []}
    by_cookie = [{"accessCookie": [], **proof}, {"sessionCookie": [], **proof}]
    usual = [{"accessToken": []}, *by_cookie]
    wanted: dict[str, object] = {
        "GET /csrf": [*by_cookie, {"refreshCookie": []}],
        "POST /logout": [*usual, {"refreshCookie": [], **proof}, {}],  # or a token in the body
        **{name: [] for name in PUBLIC},
    }
    assert OPERATIONS[name]["security"] == wanted.get(name, usual)


def test_the_authorize_box_takes_an_access_token() -> None:
    scheme = DOCUMENT["components"]["securitySchemes"]["accessToken"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


@EACH
def test_each_error_has_a_body_and_an_example_that_fits_it(name: str) -> None:
    for status, response in errors_of(OPERATIONS[name]).items():
        content = response["content"]["application/json"]
        examples = content.get("examples", {})
        if (name, status) != ("GET /readyz", "503"):
            assert examples
        for example in examples.values():
            assert schema_errors(content["schema"], example["value"]) == []
            assert re.fullmatch("[a-z_]+", example["value"]["error"])


@EACH
def test_each_error_names_the_header_that_comes_with_it(name: str) -> None:
    for status, response in errors_of(OPERATIONS[name]).items():
        if status in HEADERS:
            assert HEADERS[status] in response["headers"]


@EACH
def test_what_reads_a_body_says_how_that_can_be_refused(name: str) -> None:
    if "requestBody" in OPERATIONS[name]:
        assert {"400", "413", "415", "422"} <= set(OPERATIONS[name]["responses"])


@EACH
def test_what_wants_a_credential_says_how_that_can_be_refused(name: str) -> None:
    if OPERATIONS[name]["security"]:
        assert "401" in OPERATIONS[name]["responses"]


@EACH
def test_what_a_cookie_alone_may_not_do_says_so(name: str) -> None:
    if "csrfToken" in str(OPERATIONS[name].get("security")):
        response = OPERATIONS[name]["responses"]["403"]
        assert "CsrfFailed" in response["content"]["application/json"]["examples"]


def test_no_error_is_promised_in_a_form_that_is_never_answered() -> None:
    assert "HTTPValidationError" not in str(DOCUMENT)


@EACH
def test_each_body_is_a_type_with_a_name(name: str) -> None:
    if "requestBody" in OPERATIONS[name]:
        schema = OPERATIONS[name]["requestBody"]["content"]["application/json"]["schema"]
        assert schema.keys() == {"$ref"}


def test_each_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    schemas = DOCUMENT["components"]["schemas"]
    assert [name for name in schemas if f'"#/components/schemas/{name}"' not in text] == []


def test_no_schema_has_a_list_of_its_own_name() -> None:
    """openapi-python-client makes a module of one, in which the two are one variable."""
    clashing = []
    for name, schema in DOCUMENT["components"]["schemas"].items():
        own = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        if schema.get("properties", {}).get(own, {}).get("type") == "array":
            clashing.append(name)
    assert clashing == []


def test_no_optional_field_becomes_a_required_one_in_a_generated_client() -> None:
    """openapi-typescript, for one, takes a field with a default for one that is always there."""
    schemas = DOCUMENT["components"]["schemas"]
    shapes = [schema.get("properties", {}) for schema in schemas.values()]
    fields = [field for shape in shapes for field in shape.values()]
    assert [field for field in fields if "default" in field] == []
    assert 'Default: `"bearer"`' in schemas["Login"]["properties"]["transport"]["description"]


def test_every_way_to_authorize_is_described() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert all(scheme["description"] for scheme in schemes.values())
    assert next(iter(schemes)) == "accessToken"


def example_of(name: str) -> Any:
    schema = OPERATIONS[name]["requestBody"]["content"]["application/json"]["schema"]
    model = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "examples" in model:
        return model["examples"][0]
    return {field: about["examples"][0] for field, about in model["properties"].items()}


@sqlite_only
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("POST /register", 201),
        ("POST /login", 200),
        ("POST /refresh", 401),
        ("POST /logout", 401),
        ("POST /reauth", 200),
        ("PATCH /me", 200),
        ("POST /me/password", 200),
        ("POST /me/delete", 204),
    ],
)
def test_each_bodys_example_works(api: Api, name: str, status: int) -> None:
    method, path = name.split()
    if name == "POST /register":
        api.expect(status, method, path, json=example_of(name))
        return
    bearer = api.register_and_login().bearer if path.startswith(("/me", "/reauth")) else {}
    if name == "POST /login":
        api.register()
    api.expect(status, method, path, json=example_of(name), headers=bearer)


def require_documented(name: str, answer: httpx.Response) -> None:
    content = OPERATIONS[name]["responses"][str(answer.status_code)]["content"]
    assert schema_errors(content["application/json"]["schema"], answer.json()) == []


@sqlite_only
def test_each_answer_is_as_documented(api: Api) -> None:
    credentials = {"email": EMAIL, "password": PASSWORD}
    require_documented("POST /register", api.client.post("/register", json=credentials))
    require_documented("POST /register", api.client.post("/register", json=credentials))
    require_documented("POST /login", api.client.post("/login", json=credentials))
    require_documented("POST /login", api.client.post("/login", json={}))
    tokens = api.login()
    for name in ("GET /me", "GET /sessions", "GET /healthz", "GET /readyz", "GET /revocations"):
        method, path = name.split()
        require_documented(name, api.client.request(method, path, headers=tokens.bearer))
    require_documented("POST /refresh", api.refresh(tokens.refresh))
    require_documented("POST /refresh", api.refresh("x"))


@sqlite_only
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("GET ")])
def test_what_a_client_may_keep_is_documented_as_not_modified(api: Api, name: str) -> None:
    path = name.removeprefix("GET ")
    answer = api.client.get(path, headers=api.register_and_login().bearer)
    if "ETag" in answer.headers:
        again = api.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    assert ("ETag" in answer.headers) == ("304" in OPERATIONS[name]["responses"])


def test_each_link_leads_to_an_operation_that_takes_what_it_carries() -> None:
    operations = {about["operationId"]: about for about in OPERATIONS.values()}
    responses = [one for about in OPERATIONS.values() for one in about["responses"].values()]
    links = [link for response in responses for link in response.get("links", {}).values()]
    assert links
    for link in links:
        content = operations[link["operationId"]]["requestBody"]["content"]["application/json"]
        assert schema_errors(content["schema"], link["requestBody"]) == []
