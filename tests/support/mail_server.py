"""A mail server on loopback, in the test's process. It takes mails, refuses, breaks off, hangs."""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.certificates import write_certificate
from tests.support.server import free_port

USER, PASSWORD = "authapi", "mail-phrase-of-tests"
TAKEN = "250 2.0.0 taken"
CUT, HANG = "cut", "hang"  # instead of an answer
ARRIVAL_SECONDS = 30.0

logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: it is not authapi's log


@dataclass
class MailServer:
    """Answers to MAIL, RCPT and DATA are taken from a list each; without one it takes the mail.

    `mails` are those whose body it has read, also if it did not take them.
    """

    port: int
    senders: deque[str] = field(default_factory=deque)
    recipients: deque[str] = field(default_factory=deque)
    bodies: deque[str] = field(default_factory=deque)
    mails: list[EmailMessage] = field(default_factory=list)
    addressees: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)
    is_reached: Event = field(default_factory=Event)  # by a body

    @property
    def ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]

    def url(self, host: str = "localhost", scheme: str = "smtp", query: str = "") -> str:
        return f"{scheme}://{host}:{self.port}{query}"

    def wait_for(self, count: int) -> None:
        deadline = monotonic() + ARRIVAL_SECONDS
        while len(self.mails) < count:
            assert monotonic() < deadline, f"{len(self.mails)} mail(s), not {count}"
            sleep(0.02)

    # What aiosmtpd calls.

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.senders.popleft() if self.senders else "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.recipients.popleft() if self.recipients else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.addressees += envelope.rcpt_tos
        assert isinstance(server.transport, asyncio.Transport)
        self.was_encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.mails.append(message)
        self.is_reached.set()
        answer = self.bodies.popleft() if self.bodies else TAKEN
        if answer == HANG:
            await asyncio.sleep(ARRIVAL_SECONDS)
        if answer == CUT:
            server.transport.abort()
        return TAKEN if answer in {CUT, HANG} else answer

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.passwords.append(given.password)
        right = LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=given == right, handled=False)


@contextmanager
def mail_server(
    *,
    trust: ssl.SSLContext | None = None,
    is_tls: bool = False,
    has_auth: bool = False,
    needs_tls_for_auth: bool = True,
) -> Iterator[MailServer]:
    """Yield a server that runs. `trust` is its certificate, for STARTTLS or for `is_tls`."""
    server = MailServer(free_port())
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        ssl_context=trust if is_tls else None,
        tls_context=None if is_tls else trust,
        authenticator=server.authenticate if has_auth else None,
        auth_require_tls=needs_tls_for_auth,
        enable_SMTPUTF8=True,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop(no_assert=True)


def certificate(folder: Path, host: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """Return a server's context for that host, and the file of who signed its certificate."""
    public, private = write_certificate(folder, host, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


MakeServer = Callable[..., MailServer]
