"""A mail server's certificate is proven, and only it gets the password."""

import socket
import ssl
from pathlib import Path

import pytest

from tests.mail.sending import posted, waiting
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.logging import captured
from tests.support.mail_server import PASSWORD, USER, MailServer, MakeServer, certificate
from tests.support.scripted_server import ScriptedServer

pytestmark = sqlite_only
MACHINE = "mail.test"  # a name that is another machine's


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for `localhost` that this process trusts."""
    context, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


@pytest.fixture
def other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network: MACHINE is found at a loopback address."""
    ask = socket.getaddrinfo

    def find(host: str, *rest: object, **more: object) -> object:
        return ask("127.0.0.1" if host == MACHINE else host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", find)


def test_starttls_is_used_where_it_is_offered(
    make_api: MakeApi, make_server: MakeServer, trusted: ssl.SSLContext
) -> None:
    server = make_server(trust=trusted)
    posted(make_api, server.url())
    assert server.was_encrypted == [True]


def test_a_server_without_a_demanded_starttls_gets_no_mail(
    make_api: MakeApi, mail_server: MailServer
) -> None:
    api = posted(make_api, mail_server.url(query="?starttls=required"))
    assert mail_server.mails == []
    assert waiting(api).problem == "the mail server offers no STARTTLS"
    assert waiting(api).failed_at is None


def test_tls_from_the_first_byte(
    make_api: MakeApi, make_server: MakeServer, trusted: ssl.SSLContext
) -> None:
    server = make_server(trust=trusted, is_tls=True)
    posted(make_api, server.url(scheme="smtps"))
    assert server.was_encrypted == [True]


@pytest.mark.parametrize("is_tls", [True, False])
def test_a_wrong_certificate_gets_no_mail(
    make_api: MakeApi, make_server: MakeServer, tmp_path: Path, *, is_tls: bool
) -> None:
    nobody_trusts, _ = certificate(tmp_path)
    server = make_server(trust=nobody_trusts, is_tls=is_tls)
    api = posted(make_api, server.url(scheme="smtps" if is_tls else "smtp"))
    assert server.mails == []
    assert "SSLCertVerificationError" in (waiting(api).problem or "")
    assert waiting(api).failed_at is None


def test_the_certificate_of_another_host_gets_no_mail(
    make_api: MakeApi, make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust, file = certificate(tmp_path, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    server = make_server(trust=trust)
    posted(make_api, server.url())
    assert server.mails == []


def with_password(server: MailServer, host: str, password: str = PASSWORD) -> str:
    return server.url(f"{USER}:{password}@{host}")


def test_the_password_is_sent_over_tls(
    make_api: MakeApi, make_server: MakeServer, trusted: ssl.SSLContext
) -> None:
    server = make_server(trust=trusted, has_auth=True)
    posted(make_api, with_password(server, "localhost"))
    assert server.passwords == [PASSWORD.encode()]
    assert len(server.mails) == 1


def test_a_wrong_password_is_the_operators_to_mend_so_the_mail_waits(
    make_api: MakeApi,
    make_server: MakeServer,
    trusted: ssl.SSLContext,
) -> None:
    server = make_server(trust=trusted, has_auth=True)
    with captured("json") as log:
        api = posted(make_api, with_password(server, "localhost", "another-phrase"))
    assert waiting(api).failed_at is None
    assert waiting(api).problem == "the mail server lets nobody in (535)"
    assert log.event("mail_delayed")
    assert "another-phrase" not in log.text


def test_a_server_without_log_in_is_the_operators_to_mend_so_the_mail_waits(
    make_api: MakeApi, mail_server: MailServer
) -> None:
    api = posted(make_api, with_password(mail_server, "localhost"))
    assert waiting(api).failed_at is None
    assert waiting(api).problem == "the mail server knows no log-in with a password"


@pytest.mark.usefixtures("other_machine")
def test_another_machine_never_gets_the_password_in_plain_text(
    make_api: MakeApi, make_server: MakeServer
) -> None:
    server = make_server(has_auth=True, needs_tls_for_auth=False)
    api = posted(make_api, with_password(server, MACHINE))
    assert server.passwords == []
    assert server.mails == []
    assert waiting(api).failed_at is None


def test_a_server_that_refuses_to_start_tls_gets_no_mail_and_it_waits(
    make_api: MakeApi, make_server: MakeServer, trusted: ssl.SSLContext
) -> None:
    answers = {b"EHLO": b"250-x\r\n250 STARTTLS\r\n", b"STARTTLS": b"554 5.7.0 not today\r\n"}
    with ScriptedServer(answers) as port:
        api = posted(make_api, f"smtp://localhost:{port}")
    assert waiting(api).failed_at is None
    assert "554" in (waiting(api).problem or "")
