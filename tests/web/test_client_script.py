"""GET /client.js: the browser client, as a page loads it. What it does: tests/browser."""

from tests.project.tree import ROOT
from tests.support.service import Service

SCRIPT = (ROOT / "clients" / "js" / "authapi.js").read_bytes()


def test_the_server_serves_its_client(service: Service) -> None:
    answer = service.client.get("/client.js")
    assert answer.content == SCRIPT
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_that_has_it_already_is_told_so(service: Service) -> None:
    first = service.client.get("/client.js")
    again = service.client.get("/client.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "no-cache"


def test_it_is_no_operation_of_the_api(service: Service) -> None:
    assert "/client.js" not in service.client.get("/openapi.json").json()["paths"]
