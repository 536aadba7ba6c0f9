"""npm's otplib as the authenticator app: it reads our URI, and its codes open a session."""

import json
import subprocess
from pathlib import Path
from time import time
from typing import Any

import httpx
import jwt
import pytest

from authapi.crypto import totp
from tests.browser.processes import authapi
from tests.factors.test_totp import SECRET, VECTORS
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import free_port

HERE = Path(__file__).parent
ADA = {"email": EMAIL, "password": PASSWORD}
ACCOUNTS = (EMAIL, "ada+x@example.com", "o'hara%3A@example.com", "zoë@example.com")


def shown(uri: str, moment: float) -> dict[str, Any]:
    """Return what otplib reads in the URI, with the `code` of that moment (Unix seconds)."""
    line = json.dumps({"uri": uri, "epoch": int(moment)})
    command = ["node", "otplib.js"]
    run = subprocess.run(
        command, cwd=HERE, check=True, input=line, capture_output=True, text=True, timeout=60
    )
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize("moment", VECTORS)
def test_it_shows_the_codes_of_the_rfc_and_ours(moment: int) -> None:
    uri = totp.otpauth_uri(SECRET, "auth.example", EMAIL)
    assert shown(uri, moment)["code"] == totp.code_at(SECRET, moment // 30)
    eight_digits = uri.replace("digits=6", "digits=8")
    assert shown(eight_digits, moment)["code"] == VECTORS[moment]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_it_reads_who_the_account_is(account: str) -> None:
    secret = totp.new_secret()
    read = shown(totp.otpauth_uri(secret, "auth.example", account), 0)
    assert (read["type"], read["label"]) == ("totp", f"auth.example:{account}")
    assert read["params"] == {
        "secret": totp.as_text(secret),
        "issuer": "auth.example",
        "algorithm": "sha1",
        "digits": 6,
        "period": 30,
    }


def test_its_codes_enrol_it_and_open_a_session(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    with (
        authapi(tmp_path, port, public_url=url),
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):

        def post(status: int, path: str, token: str = "", **body: str) -> dict[str, Any]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = client.post(path, json=body, headers=headers)
            assert answer.status_code == status, answer.text
            return dict(answer.json())

        post(201, "/register", **ADA)
        token = post(200, "/login", **ADA)["access_token"]
        begun = post(201, "/me/totp", token)
        assert shown(begun["otpauth_uri"], 0)["params"]["secret"] == begun["secret"]
        code = shown(begun["otpauth_uri"], time())["code"]
        post(200, "/me/totp/confirm", token, id=begun["id"], code=code)
        waiting = post(400, "/login", **ADA)["auth_session"]
        post(400, "/login/continue", auth_session=waiting, totp_code=code)  # it works once
        code = shown(begun["otpauth_uri"], time() + 30)["code"]
        opened = post(200, "/login/continue", auth_session=waiting, totp_code=code)
        claims = jwt.decode(opened["access_token"], options={"verify_signature": False})
        assert claims["acr"] == "aal2"
