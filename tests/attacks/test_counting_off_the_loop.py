"""The kind: a limit counted on the event loop. Redis may take 0.2 s, and everybody would wait."""

import asyncio

import pytest

from authapi.services.limits.storage import MemoryStorage
from tests.support import operations
from tests.support.administration import Admin, account
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.authenticator import Authenticator, Lies
from tests.support.passkeys import NEW as NEW_PASSKEY
from tests.support.passkeys import NEW_OPTIONS, ask, send

NEW = "a sentence that nobody uses"
WRONG: dict[str, object] = {"token": "made-up"}
# What counts something, by its path.
BODIES: dict[str, dict[str, object]] = {
    "/login": {"email": EMAIL, "password": "wrong"},
    "/login/id-token": {"provider": "acme", "id_token": "a.b.c"},
    "/me/identities": {"provider": "acme", "id_token": "a.b.c"},
    "/login/passkey": operations.BODIES["/login/passkey"],
    "/register": {"email": "bob@example.com", "password": PASSWORD},
    "/refresh": {},
    "/login/continue": {"auth_session": "made-up", "totp_code": "123456"},
    "/reauth": {"password": "wrong"},
    "/me/password": {"current_password": "wrong", "new_password": NEW},
    "/me/email": {"email": "bob@example.com", "password": "wrong"},
    "/me/delete": {"password": "wrong"},
    "/email/verify": WRONG,
    "/email/undo": WRONG,
    "/email/verify/resend": {"email": EMAIL},
    "/password/forgot": {"email": EMAIL},
    "/password/reset": {**WRONG, "new_password": NEW},
}
OF_ADMINISTRATORS: dict[str, dict[str, object] | None] = {
    "/users": {"email": "bob@example.com"},
    "/users/{user_id}/password-reset": None,
}
PAGES = ("/email/verify", "/email/undo", "/password/forgot", "/password/reset")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Collect for each count whether an event loop runs on its thread."""
    on_loop: list[bool] = []
    incr = MemoryStorage.incr

    def watched(self: MemoryStorage, key: str, expiry: int, amount: int) -> int:
        on_loop.append(asyncio._get_running_loop() is not None)
        return incr(self, key, expiry, amount)

    monkeypatch.setattr(MemoryStorage, "incr", watched)
    return on_loop


@pytest.mark.parametrize("path", BODIES)
def test_a_route_counts_on_a_thread(api: Api, counted: list[bool], path: str) -> None:
    tokens = api.register_and_login()
    body = {"refresh_token": tokens.refresh} if path == "/refresh" else BODIES[path]
    counted.clear()
    api.client.post(path, json=body, headers={} if path == "/refresh" else tokens.bearer)
    assert counted
    assert not any(counted)


def test_a_bad_new_passkey_counts_on_a_thread(api: Api, counted: list[bool]) -> None:
    tokens = api.register_and_login()
    asked = ask(api, NEW_OPTIONS, tokens)
    made = Authenticator().create(asked["options"], Lies(origin="https://evil.example"))
    counted.clear()
    assert send(api, NEW_PASSKEY, asked, made, headers=tokens.bearer).status_code == 400
    assert counted
    assert not any(counted)


@pytest.mark.parametrize("path", OF_ADMINISTRATORS)
def test_a_route_of_administration_counts_on_a_thread(
    api: Api, counted: list[bool], path: str
) -> None:
    admin, ada = Admin(api), account(api, EMAIL)
    counted.clear()
    answer = admin.ask("POST", path.format(user_id=ada), json=OF_ADMINISTRATORS[path])
    assert answer.is_success
    assert counted
    assert not any(counted)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_counts_on_a_thread(api: Api, counted: list[bool], path: str) -> None:
    form = {name: str(value) for name, value in BODIES[path].items()}
    api.client.post(f"/pages{path}", data=form)
    assert counted
    assert not any(counted)
