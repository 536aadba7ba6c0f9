"""An application whose mails are files, and what a person reads in them."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from authapi.web.runtime import Runtime
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.mail_server import MailServer, MakeServer
from tests.support.mail_server import mail_server as running

LINK = re.compile(r"https?://\S+[?&]token=(\S+)")
CODE = re.compile(r"^    ([A-Z]{4}-[A-Z]{4})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class ReadMail:
    """A mail as its reader sees it."""

    message: EmailMessage

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def html(self) -> str:
        body = self.message.get_body(("html",))
        assert body is not None
        return str(body.get_content())

    @property
    def token(self) -> str:
        found = LINK.search(self.text)
        assert found
        return found[1]

    @property
    def code(self) -> str:
        found = CODE.search(self.text)
        assert found
        return found[1]


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
        files = self.folder.glob("*.eml")
        read = [message_from_bytes(path.read_bytes(), policy=default) for path in files]
        mails = [ReadMail(message) for message in read if isinstance(message, EmailMessage)]
        mails.sort(key=lambda mail: str(mail.message["Date"]))
        return [mail for mail in mails if to is None or mail.to == to]

    def mail(self, to: str, about: str = "") -> ReadMail:
        """Return the one mail to that address about that."""
        (found,) = [mail for mail in self.mails(to) if about in mail.subject]
        return found


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
