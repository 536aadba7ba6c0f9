"""`make example-…` as somebody types it in a clone: started, asked once, ended by Ctrl-C."""

from pathlib import Path

import httpx

from tests.browser.made import answer_of, end, made
from tests.support.server import ANSWER_TIMEOUT, free_port


def test_make_example_spa(clone: Path) -> None:
    port = free_port()
    with made("example-spa", clone, PORT=port) as process:
        page = answer_of(process, f"http://localhost:{port}/", 200)
        assert '<script type="module" src="app.js">' in page.text
        assert answer_of(process, f"http://localhost:{port}/auth/readyz", 200)
        end(process)


def test_make_example_pages(clone: Path) -> None:
    port = free_port()
    with made("example-pages", clone, PORT=port) as process:
        page = answer_of(process, f"http://localhost:{port}/login", 200)
        assert "<h1>Log in</h1>" in page.text
        end(process)


def test_make_example_nginx(clone: Path) -> None:
    port = free_port(in_a_row=3)
    with made("example-nginx", clone, PORT=port) as process:
        refused = answer_of(process, f"http://localhost:{port}/api/hello", 401)
        assert refused.headers["server"] == "nginx"
        assert refused.headers["www-authenticate"].startswith("Bearer")
        end(process)


def test_make_example_api(clone: Path) -> None:
    port, issuer_port = free_port(), free_port()
    with made("example-api", clone, PORT=port, ISSUER_PORT=issuer_port) as process:
        assert answer_of(process, f"http://localhost:{port}/api/data", 401)
        issuer = f"http://localhost:{issuer_port}"
        ada = {"email": "ada@example.com", "password": "correct horse battery staple"}
        answer_of(process, f"{issuer}/readyz", 200)
        httpx.post(f"{issuer}/register", json=ada, trust_env=False, timeout=ANSWER_TIMEOUT)
        named = {**ada, "resource": "reports"}
        answer = httpx.post(f"{issuer}/login", json=named, trust_env=False, timeout=ANSWER_TIMEOUT)
        url = f"http://localhost:{port}/api/data"
        data = answer_of(process, url, 200, answer.json()["access_token"])
        assert data.json()["data"] == [3, 1, 4, 1, 5]
        end(process)
