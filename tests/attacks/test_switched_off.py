"""What only an operator needs can be switched off: a stranger then finds nothing there.

The kind: a page that describes the service to whoever asks (ASVS 13.4.5).
"""

import pytest

from tests.support.service import MakeService

PATHS = {
    "docs": ("/docs", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.json"),
    "metrics": ("/metrics",),
}


@pytest.mark.parametrize("setting", PATHS)
def test_what_is_switched_off_is_not_there(make_service: MakeService, setting: str) -> None:
    service = make_service(**{setting: False})
    absent = service.client.get("/nothing")
    for name, paths in PATHS.items():
        for path in paths:
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                answer = service.client.request(method, path)
                if name == setting:
                    assert answer.status_code == 404
                    assert answer.headers.keys() == absent.headers.keys()
                    assert answer.content == (b"" if method == "HEAD" else absent.content)
                elif method == "GET":
                    assert answer.status_code == 200


def test_the_document_names_no_route_that_is_switched_off(make_service: MakeService) -> None:
    paths = make_service(metrics=False).client.get("/openapi.json").json()["paths"]
    assert "/metrics" not in paths
    assert "/healthz" in paths


def test_by_default_both_are_there(make_service: MakeService) -> None:
    service = make_service()
    assert {service.client.get(path).status_code for paths in PATHS.values() for path in paths} == {
        200
    }
