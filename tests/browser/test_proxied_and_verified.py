"""examples/nginx with the real nginx, and examples/api: started as `make` starts them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.browser.nginx import page_of, run
from tests.support.server import ANSWER_TIMEOUT, START_TIMEOUT, free_port
from tests.support.until import until

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}
NAMED = {**ADA, "resource": "reports"}


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port(in_a_row=3)
    url = f"http://localhost:{port}"
    with run("nginx", tmp_path_factory.mktemp("nginx"), "/auth/healthz", PORT=port):
        yield url


@pytest.fixture
def visitor(nginx: str) -> Iterator[httpx.Client]:
    with page_of(nginx) as client:
        client.post("/auth/register", json=ADA)
        yield client


def login(visitor: httpx.Client, transport: str) -> dict[str, str]:
    """What to send with a request that changes something, besides the cookies."""
    answer = visitor.post("/auth/login", json={**ADA, "transport": transport})
    assert answer.status_code == 200, answer.text
    given = answer.json()
    if token := given.get("access_token"):
        return {"Authorization": f"Bearer {token}"}
    return {"X-CSRF-Token": given["csrf_token"]}


def test_without_a_credential_nginx_answers_401(visitor: httpx.Client) -> None:
    answer = visitor.get("/api/hello")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="authapi"'
    assert answer.json()["error"] == "invalid_token"


@pytest.mark.parametrize("transport", ["cookie", "session"])
def test_a_change_by_cookie_needs_the_csrf_token_and_our_origin(
    visitor: httpx.Client, transport: str
) -> None:
    proof = login(visitor, transport)
    assert visitor.post("/api/notes", headers=proof, content=b"x=1").status_code == 200
    assert visitor.post("/api/notes").status_code == 403
    foreign = {"Origin": "https://evil.example"}
    assert visitor.post("/api/notes", headers=proof | foreign).status_code == 403
    # What a client says of its own method is not believed.
    lie = {"X-Forwarded-Method": "GET", "X-Original-Method": "GET"}
    assert visitor.delete("/api/notes/1", headers=lie).status_code == 403


def test_a_log_out_counts_at_once(visitor: httpx.Client) -> None:
    proof = login(visitor, "bearer")
    assert visitor.get("/api/hello", headers=proof).status_code == 200
    assert visitor.post("/auth/logout", headers=proof).status_code == 204
    refused = visitor.get("/api/hello", headers=proof)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_two_authorization_headers_are_401_and_no_500(visitor: httpx.Client) -> None:
    twice = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
    assert visitor.get("/api/hello", headers=twice).status_code in {400, 401}


def test_the_question_cannot_be_asked_from_outside(visitor: httpx.Client) -> None:
    assert visitor.get("/_verify").status_code == 404


def test_the_limits_count_the_browsers_address(visitor: httpx.Client) -> None:
    proof = login(visitor, "bearer")
    made_up = {"X-Forwarded-For": "203.0.113.9"}
    given = visitor.post("/auth/login", json=ADA, headers=made_up).json()["session_id"]
    sessions = visitor.get("/auth/sessions", headers=proof).json()
    assert {session["ip"] for session in sessions if session["id"] == given} == {"127.0.0.1"}


def test_a_second_service_verifies_by_itself(tmp_path: Path) -> None:
    ports = {"PORT": free_port(), "ISSUER_PORT": free_port()}
    issuer, service = (f"http://localhost:{ports[name]}" for name in ("ISSUER_PORT", "PORT"))
    with (
        run("api", tmp_path, "/api/data", **ports),
        httpx.Client(trust_env=False, timeout=ANSWER_TIMEOUT) as client,
    ):
        wait_for(200, client, f"{issuer}/readyz")
        client.post(f"{issuer}/register", json=ADA)
        token = client.post(f"{issuer}/login", json=NAMED).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get(f"{service}/api/data").status_code == 401
        # It may have started first, and asks again for the keys every now and then.
        wait_for(200, client, f"{service}/api/data", bearer)
        assert client.get(f"{service}/api/reports", headers=bearer).status_code == 403
        assert client.post(f"{issuer}/logout", headers=bearer).status_code == 204
        wait_for(401, client, f"{service}/api/data", bearer)


def wait_for(
    status: int, client: httpx.Client, url: str, headers: dict[str, str] | None = None
) -> None:
    def is_there() -> bool:
        with suppress(httpx.TransportError):
            return client.get(url, headers=headers).status_code == status
        return False

    until(is_there, seconds=START_TIMEOUT, every=0.05)
