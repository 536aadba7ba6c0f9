"""Log-in and log-out from elsewhere, where no cookie is the credential."""

import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.cookies import set_cookies
from tests.support.database_contents import contents
from tests.support.foreign import FOREIGN, NOT_FOREIGN
from tests.support.service import Service
from tests.support.transports import COOKIE_TRANSPORTS, Holder
from tests.web.csrf.routes import require_refused


@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
@pytest.mark.parametrize("source", FOREIGN)
def test_no_other_site_logs_anybody_in(
    service: Service, user: str, transport: str, source: str
) -> None:
    before = contents(service.api.app.state.runtime.db)
    body = {"email": user, "password": PASSWORD, "transport": transport}
    answer = service.client.post("/login", json=body, headers=list(FOREIGN[source]))
    require_refused(answer, source)
    assert contents(service.api.app.state.runtime.db) == before


@pytest.mark.parametrize("source", FOREIGN)
def test_a_foreign_bearer_login_leaves_the_browsers_session_alone(
    service: Service, user: str, source: str
) -> None:
    # Else any site could log people out, with an account of its own.
    victim = Holder(service.api, "cookie").log_in(user)
    body = {"email": EMAIL, "password": PASSWORD}
    headers = [*victim.jar.header.items(), *FOREIGN[source]]
    require_refused(service.client.post("/login", json=body, headers=headers), source)
    assert victim.is_in()
    service.api.expect(200, "POST", "/login", json=body, headers=list(FOREIGN[source]))


@pytest.mark.parametrize("source", FOREIGN)
@pytest.mark.parametrize("path", ["/logout", "/logout/all"])
def test_a_foreign_bearer_logout_leaves_the_browsers_cookies_alone(
    service: Service, user: str, source: str, path: str
) -> None:
    victim = Holder(service.api, "session").log_in(user)
    eve = f"eve-{user}"
    service.api.register(eve)
    good = service.api.login(eve).bearer
    for bearer in (good, {"Authorization": "Bearer x"}):
        headers = [*victim.jar.header.items(), *bearer.items(), *FOREIGN[source]]
        answer = service.client.post(path, headers=headers)
        assert answer.status_code == (204 if bearer is good else 401)
        assert set_cookies(answer) == {}
    assert victim.is_in()


@pytest.mark.parametrize("source", NOT_FOREIGN)
@pytest.mark.parametrize("transport", COOKIE_TRANSPORTS)
def test_our_own_pages_log_in(service: Service, user: str, transport: str, source: str) -> None:
    body = {"email": user, "password": PASSWORD, "transport": transport}
    headers = list(NOT_FOREIGN[source])
    service.api.expect(200, "POST", "/login", json=body, headers=headers)
