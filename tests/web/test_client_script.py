"""GET /client.js: the browser client, as a page loads it. What it does: tests/browser."""

import re

from tests.project.tree import ROOT
from tests.support.service import Service

MODULES = sorted((ROOT / "clients" / "js").glob("*.js"))
FIRST_COMMENT = re.compile(r"^/\*\*.*?\*/", re.DOTALL)


def test_the_server_serves_its_client_as_one_module(service: Service) -> None:
    answer = service.client.get("/client.js")
    for module in MODULES:
        comment = FIRST_COMMENT.match(module.read_text(encoding="utf-8"))
        assert comment
        assert comment[0] in answer.text
    assert re.findall(r"^import .*", answer.text, re.MULTILINE) == []
    exported = re.findall(r"^export (.*?)(?: extends .*)?$", answer.text, re.MULTILINE)
    assert exported == ["{ AuthError };", "class AuthClient"]
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_that_has_it_already_is_told_so(service: Service) -> None:
    first = service.client.get("/client.js")
    again = service.client.get("/client.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "no-cache"


def test_it_is_no_operation_of_the_api(service: Service) -> None:
    assert "/client.js" not in service.client.get("/openapi.json").json()["paths"]
