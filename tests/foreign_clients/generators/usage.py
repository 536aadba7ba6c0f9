"""openapi-python-client's package, of which this is made a module: a session, to its end."""

import sys
from uuid import uuid4

from .api.accounts import register_account
from .api.me import read_profile
from .api.sessions import read_sessions
from .api.tokens import login, logout, refresh
from .client import AuthenticatedClient, Client
from .models import (
    ErrorBody,
    Login,
    LoginTransport,
    Logout,
    Profile,
    Refresh,
    Registration,
    TokenResponse,
    ValidationErrorBody,
)

client = Client(base_url=sys.argv[1], httpx_args={"trust_env": False})
EMAIL, PASSWORD = "python@example.com", "correct horse battery staple"

registered = register_account.sync_detailed(
    client=client, body=Registration(email=EMAIL, password=PASSWORD)
)
assert isinstance(registered.parsed, Profile)
print("register", int(registered.status_code), registered.parsed.email)
wrong = login.sync_detailed(client=client, body=Login(email=EMAIL, password="not her password"))
assert isinstance(wrong.parsed, ErrorBody)
print("wrong password", int(wrong.status_code), wrong.parsed.error)
nameless = login.sync_detailed(client=client, body=Login(password=PASSWORD))
assert isinstance(nameless.parsed, ValidationErrorBody)
print("no name", int(nameless.status_code), nameless.parsed.errors[0].msg)

body = Login(email=EMAIL, password=PASSWORD, transport=LoginTransport.BEARER)
session = login.sync(client=client, body=body)
assert isinstance(session, TokenResponse)
key = str(uuid4())


def exchange() -> TokenResponse:
    assert isinstance(session, TokenResponse)
    sent = Refresh(refresh_token=session.refresh_token)
    answer = refresh.sync(client=client, body=sent, idempotency_key=key)
    assert isinstance(answer, TokenResponse)
    return answer


first, again = exchange(), exchange()
print("refresh", 200, first.refresh_token == again.refresh_token)
assert isinstance(first.access_token, str)
mine = AuthenticatedClient(
    base_url=sys.argv[1], token=first.access_token, httpx_args={"trust_env": False}
)
me = read_profile.sync_detailed(client=mine)
assert isinstance(me.parsed, Profile)
print("me", int(me.status_code), me.parsed.email)
sessions = read_sessions.sync_detailed(client=mine, limit=10)
assert isinstance(sessions.parsed, list)
print("sessions", int(sessions.status_code), ",".join(str(one.current) for one in sessions.parsed))
ended = logout.sync_detailed(client=mine, body=Logout())
print("logout", int(ended.status_code))
after = read_profile.sync_detailed(client=mine)
assert isinstance(after.parsed, ErrorBody)
print("me", int(after.status_code), after.parsed.error)
