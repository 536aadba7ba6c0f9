"""authapi as a client uses it: one method a request."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from tests.support.app_transport import AppClient

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"


@dataclass
class Tokens:
    """A token response."""

    body: dict[str, Any]

    @property
    def access(self) -> str:
        return str(self.body["access_token"])

    @property
    def refresh(self) -> str:
        return str(self.body["refresh_token"])

    @property
    def sid(self) -> str:
        return str(self.body["session_id"])

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


@dataclass
class Api:
    """An application and its httpx client. Its methods fail the test after an unusual answer."""

    client: AppClient
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.app = self.client.app

    def register(self, email: str = EMAIL, password: str = PASSWORD, **more: str) -> dict[str, Any]:
        body = {"email": email, "password": password, **more}
        return dict(self.expect(201, "POST", "/register", json=body).json())

    def login(self, email: str = EMAIL, password: str = PASSWORD, **more: str) -> Tokens:
        body = {"email": email, "password": password, **more}
        return Tokens(self.expect(200, "POST", "/login", json=body).json())

    def register_and_login(self, email: str = EMAIL) -> Tokens:
        self.register(email)
        return self.login(email)

    def refresh(self, token: str, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post("/refresh", json={"refresh_token": token}, headers=headers)

    def refreshed(self, token: str, key: str | None = None) -> Tokens:
        response = self.refresh(token, key)
        assert response.status_code == 200, response.text
        return Tokens(response.json())

    def verify(self, tokens: Tokens) -> int:
        """Return the status of `/verify`: 204 or 401."""
        return self.client.get("/verify", headers=tokens.bearer).status_code

    def expect(self, status: int, method: str, url: str, **more: Any) -> httpx.Response:
        response = self.client.request(method, url, **more)
        assert response.status_code == status, response.text
        return response
