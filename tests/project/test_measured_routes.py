"""Each route of the OpenAPI document is measured at 1,000,000 rows, or named as left out."""

from benchmarks.growth.requests import LEFT_OUT, ROUTES

from tests.project.tree import ROOT
from tests.support.operations import DOCUMENT

OPERATIONS = {
    f"{method.upper()} {path}"
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
}


def test_every_route_is_measured_or_left_out_for_a_reason() -> None:
    measured = {route.name.partition("?")[0].partition(",")[0] for route in ROUTES}
    assert measured | LEFT_OUT.keys() == OPERATIONS
    assert not measured & LEFT_OUT.keys()


def test_docs_performance_has_a_row_for_each_measured_route() -> None:
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert [route.name for route in ROUTES if f"\n| `{route.name}` | " not in page] == []
