"""The kind: the mount path is not carried to the edge. A library finds keys by the issuer alone."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.browser.processes import example
from tests.support.api import EMAIL, PASSWORD

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of an authapi below /auth of an application."""
    with example("spa/spa.py", tmp_path_factory.mktemp("issuer")) as url:
        yield f"{url}/auth"


@pytest.fixture(scope="module")
def service(issuer: str) -> Iterator[str]:
    command = ["node", "service.js", issuer]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


def test_express_oauth2_jwt_bearer_verifies_a_token(issuer: str, service: str) -> None:
    ada = {"email": EMAIL, "password": PASSWORD}
    with httpx.Client(trust_env=False) as client:
        client.post(f"{issuer}/register", json=ada).raise_for_status()
        token = client.post(f"{issuer}/login", json=ada).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        answer = client.get(f"{service}/data", headers=bearer)
        assert (answer.status_code, answer.json()["iss"]) == (200, issuer)
        assert client.get(f"{service}/reports", headers=bearer).status_code == 403
        forged = {"Authorization": f"Bearer {token[:-4]}AAAA"}
        assert client.get(f"{service}/data", headers=forged).status_code == 401
        assert client.get(f"{service}/data").status_code == 401
