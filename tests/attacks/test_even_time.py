"""The kind: a refusal whose time tells what was found on the way to it."""

from time import perf_counter

import pytest

from authapi.web.even_time import EVEN_SECONDS
from tests.mail.conftest import MakeMailApi, make_mail_api, sends_by_itself
from tests.support.api import EMAIL
from tests.support.databases import sqlite_only

__all__ = ["make_mail_api", "sends_by_itself"]  # fixtures

NEW = {"new_password": "correct horse battery"}
WRONG = {"code": "BCDF-GHJK"}
PATHS = {
    "/password/reset": NEW | WRONG,
    "/email/verify": WRONG,
    "/pages/password/reset": NEW | WRONG,
}


@sqlite_only
@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_code_is_refused_at_one_moment_whether_or_not_a_link_waits(
    make_mail_api: MakeMailApi, path: str
) -> None:
    """With a link a try is counted, which is a commit; without one nothing is written."""
    mail_api = make_mail_api(limit_login_address="")
    mail_api.api.register()
    for route in ("/password/forgot", "/email/verify/resend"):
        mail_api.post(route, email=EMAIL)
    mail_api.mails()
    for email in (EMAIL, "nobody@example.com"):
        body = {"email": email, **PATHS[path]}
        sent = {"data": body} if path.startswith("/pages") else {"json": body}
        began = perf_counter()
        answer = mail_api.api.client.post(path, **sent)  # type: ignore[arg-type]
        assert perf_counter() - began >= EVEN_SECONDS
        assert answer.status_code == 400
