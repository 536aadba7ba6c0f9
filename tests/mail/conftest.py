"""An application whose mails are files, and what a person reads in them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from authapi.web.runtime import Runtime
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.mail_server import MailServer, MakeServer
from tests.support.mail_server import mail_server as running
from tests.support.mails import ReadMail, mails_in


@dataclass(frozen=True)
class MailApi:
    """The application as a client sees it, and the mailboxes of all its users."""

    api: Api
    folder: Path

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.api.app.state.runtime
        return runtime

    def post(self, path: str, **body: object) -> int:
        return int(self.api.client.post(path, json=body).status_code)

    def mails(self, to: str | None = None) -> list[ReadMail]:
        """Send what waits, and return every mail so far in the order of posting."""
        self.runtime.mail_sender.send_due()
        return mails_in(self.folder, to)

    def mail(self, to: str, about: str = "") -> ReadMail:
        """Return the one mail to that address about that."""
        (found,) = [mail for mail in self.mails(to) if about in mail.subject]
        return found

    def verify(self, email: str) -> None:
        """Open the link of the mail that the registration sent."""
        assert self.post("/email/verify", token=self.mail(email, "Verify").token) == 204

    def reset(self, email: str, password: str) -> None:
        """Choose a new password by the one mail for that."""
        assert self.post("/password/forgot", email=email) == 202
        self.choose_password(email, password)

    def choose_password(self, email: str, password: str) -> None:
        """Choose a new password by the one mail for that, which was asked for."""
        token = self.mail(email, "new password").token
        assert self.post("/password/reset", token=token, new_password=password) == 204


MakeMailApi = Callable[..., MailApi]


@pytest.fixture(autouse=True)
def sends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authapi.services.mail.sending.MailSender.start", lambda _self: None)


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running(**options))


@pytest.fixture
def mail_server(make_server: MakeServer) -> MailServer:
    return make_server()


@pytest.fixture
def make_mail_api(make_api: MakeApi, tmp_path: Path) -> MakeMailApi:
    """Return a function that makes applications. Mails are sent when a test asks for them."""

    def make(**overrides: Any) -> MailApi:
        folder = tmp_path / "mails"
        return MailApi(make_api(mail_dir=folder, **overrides), folder)

    return make


@pytest.fixture
def mail_api(make_mail_api: MakeMailApi) -> MailApi:
    return make_mail_api(limit_links="")
