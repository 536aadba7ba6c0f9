"""docs/http.md and the OpenAPI document say the same, route by route and field by field."""

import re
from typing import Any

import pytest

from tests.project.tree import ROOT
from tests.support.operations import DOCUMENT

PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
SECTIONS: dict[str, str] = dict(
    re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
EACH = pytest.mark.parametrize("name", OPERATIONS)

FIELD = re.compile(r"^\| `([\w-]+)` \| (body|query|header|path) \| (yes)? *\|", re.MULTILINE)
MEMBER = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
ERROR = re.compile(r"(\d{3}) `(\w+)`")
# What its route answers without an example in the document.
UNSHOWN = {("GET /readyz", "503"): "unavailable"}


def section_of(name: str) -> str:
    return SECTIONS[f"`{name}`"]


def paragraph(name: str, beginning: str) -> str:
    """Return the paragraph of the route's section that begins so, or nothing."""
    found = re.search(
        rf"^{beginning}: (.*?)(?:\n\n|\Z)", section_of(name), re.DOTALL | re.MULTILINE
    )
    return found.group(1) if found else ""


def schema_name(reference: dict[str, Any]) -> str:
    target: str = reference.get("items", reference)["$ref"]
    return target.rpartition("/")[2]


def heading_of(schema: str) -> str:
    """Return `Token response` for TokenResponse."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", schema).capitalize()


def answered(operation: dict[str, Any], *, refused: bool) -> dict[str, dict[str, Any]]:
    return {
        status: response
        for status, response in operation["responses"].items()
        if (status >= "400") is refused
    }


def request_fields(operation: dict[str, Any]) -> set[tuple[str, str, bool]]:
    """Return name, place and whether it is needed, of each parameter and member of the body."""
    fields = {
        (parameter["name"], parameter["in"], bool(parameter["required"]))
        for parameter in operation.get("parameters", [])
    }
    if body := operation.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]
        (reference,) = [part for part in [schema, *schema.get("anyOf", [])] if "$ref" in part]
        model = SCHEMAS[schema_name(reference)]
        fields |= {
            (field, "body", field in model.get("required", [])) for field in model["properties"]
        }
    return fields


def test_every_route_has_its_section_and_no_section_is_of_none() -> None:
    named = {title.strip("`") for title in SECTIONS if title.startswith("`")}
    assert named == set(OPERATIONS)


@EACH
def test_a_route_takes_the_fields_that_its_section_names(name: str) -> None:
    named = {
        (field, place, needed == "yes") for field, place, needed in FIELD.findall(section_of(name))
    }
    assert named == request_fields(OPERATIONS[name])


@EACH
def test_a_route_answers_what_its_section_says(name: str) -> None:
    answer = paragraph(name, "Answer")
    responses = answered(OPERATIONS[name], refused=False)
    assert set(re.findall(r"\b\d{3}\b", answer)) == set(responses)
    for response in responses.values():
        assert {
            header for header in response.get("headers", {}) if f"`{header}`" not in answer
        } == set()
        for content in response.get("content", {}).values():
            heading = heading_of(schema_name(content["schema"])).lower()
            assert f"[{heading}](#{heading.replace(' ', '-')})" in answer


@EACH
def test_a_route_refuses_with_the_errors_of_its_section(name: str) -> None:
    refusals = {
        (status, example)
        for status, response in answered(OPERATIONS[name], refused=True).items()
        for example in codes_of(name, status, response)
    }
    assert set(ERROR.findall(paragraph(name, "Errors"))) == refusals


def codes_of(name: str, status: str, response: dict[str, Any]) -> set[str]:
    examples = response["content"]["application/json"].get("examples", {})
    return {shown["value"]["error"] for shown in examples.values()} or {UNSHOWN[name, status]}


def response_schemas() -> set[str]:
    """Return the schemas that an answer can have, those of their members too."""
    answers = str([operation["responses"] for operation in OPERATIONS.values()])
    direct = set(re.findall(r"#/components/schemas/(\w+)", answers))
    nested = {
        inner for name in direct for inner in re.findall(r"schemas/(\w+)", str(SCHEMAS[name]))
    }
    return direct | nested


def test_every_body_that_is_answered_has_its_section() -> None:
    bodies = set(re.findall(r"^### (.+)$", PAGE.partition("\n## Bodies\n")[2], re.MULTILINE))
    assert bodies == {heading_of(schema) for schema in response_schemas()}


@pytest.mark.parametrize("schema", sorted(response_schemas()))
def test_a_body_has_the_members_that_its_section_names(schema: str) -> None:
    named = MEMBER.findall(SECTIONS[heading_of(schema)])
    assert sorted(named) == sorted(SCHEMAS[schema]["properties"])
