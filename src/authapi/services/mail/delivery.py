"""How a mail leaves: by SMTP, as a file of MAIL_DIR, or into the log without its token.

| setting          | a mail goes                                                          |
| ---------------- | -------------------------------------------------------------------- |
| SMTP_URL         | to that server; STARTTLS where offered, or demanded, or TLS at once   |
| MAIL_DIR         | into `ID.eml` there: the same mail again replaces the file            |
| neither          | nowhere: the log says that it would have been sent                   |

A server that must not hear the password in plain text does not get it: see `_log_in`. What an
operator can mend (certificate, password, sender) never gives a mail up: it waits.
"""

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from secrets import token_hex
from socket import SHUT_RDWR
from threading import Timer
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from authapi.config import Settings
from authapi.logs import log
from authapi.services.mail.errors import DeliveryError, RefusedMailError
from authapi.verifier.loopback import is_loopback_host

TIMEOUT_SECONDS = 10.0  # for each answer of the server
# For a whole mail: the connection is cut before LEASE_SECONDS let another process take the mail.
SENDING_SECONDS = 45.0
PORTS = {"smtp": 587, "smtps": 465}
FIRST_PERMANENT_CODE = 500  # RFC 5321 section 4.2.1
BY_POLICY = b"5.7."  # RFC 3463 section 3.8: about who sends, and not about the address


class Delivery(Protocol):
    def send(self, mail_id: str, message: EmailMessage) -> None:
        """Hand the mail over. Raises DeliveryError."""


def open_delivery(settings: Settings) -> Delivery:
    if settings.smtp_url is not None:
        return Smtp.read(settings.smtp_url)
    return Folder(settings.mail_dir) if settings.mail_dir is not None else OnlyLog()


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. `is_tls` from the first byte on; else STARTTLS, which may be demanded."""

    host: str
    port: int
    is_tls: bool
    needs_starttls: bool
    user: str
    password: str = field(repr=False)

    @staticmethod
    def read(url: str) -> "Smtp":
        parts = urlsplit(url)
        return Smtp(
            host=parts.hostname or "",
            port=parts.port or PORTS[parts.scheme],
            is_tls=parts.scheme == "smtps",
            needs_starttls=parse_qs(parts.query).get("starttls") == ["required"],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def send(self, mail_id: str, message: EmailMessage) -> None:  # noqa: ARG002 - it is in Message-ID
        with _as_delivery_error(), self._connected() as server:
            server.send_message(message)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        trust = ssl.create_default_context()  # the certificate is checked
        if self.is_tls:
            connection: smtplib.SMTP = _BoundedTls(
                self.host, self.port, timeout=TIMEOUT_SECONDS, context=trust
            )
        else:
            connection = _Bounded(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            is_tls = self.is_tls or self._start_tls(connection, trust)
            self._log_in(connection, is_tls=is_tls)
            yield connection
        finally:
            _say_goodbye(connection)

    def _start_tls(self, connection: smtplib.SMTP, trust: ssl.SSLContext) -> bool:
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls"):
            try:
                connection.starttls(context=trust)
            except smtplib.SMTPResponseException as error:
                raise DeliveryError(f"the mail server starts no TLS ({error.smtp_code})") from error
            return True
        if self.needs_starttls:
            raise DeliveryError("the mail server offers no STARTTLS")
        return False

    def _log_in(self, connection: smtplib.SMTP, *, is_tls: bool) -> None:
        if not self.user:
            return
        if not (is_tls or is_loopback_host(self.host)):
            raise DeliveryError("the mail server offers no TLS, so it does not get the password")
        try:
            connection.login(self.user, self.password)
        except smtplib.SMTPNotSupportedError as error:
            raise DeliveryError("the mail server knows no log-in with a password") from error


class _Bounded(smtplib.SMTP):
    """A connection that is cut after SENDING_SECONDS. A server that drips is never silent."""

    _cutter: Timer | None = None

    def connect(
        self,
        host: str = "localhost",
        port: int = 0,
        source_address: object = None,  # noqa: ARG002 - smtplib passes none
    ) -> tuple[int, bytes]:
        self._cut_after(SENDING_SECONDS)
        try:
            return super().connect(host, port)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._cutter:
            self._cutter.cancel()
        super().close()

    def _cut_after(self, seconds: float) -> None:
        self._cutter = Timer(seconds, self._cut)
        self._cutter.daemon = True
        self._cutter.start()

    def _cut(self) -> None:
        if self.sock is None:  # it is still connecting, one address after the other
            self._cut_after(1.0)
            return
        with suppress(OSError):
            self.sock.shutdown(SHUT_RDWR)


class _BoundedTls(_Bounded, smtplib.SMTP_SSL):
    pass


def _say_goodbye(connection: smtplib.SMTP) -> None:
    """End the connection. The mail was taken or refused before: nothing here changes that."""
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        connection.close()


@contextmanager
def _as_delivery_error() -> Iterator[None]:
    """Tell what is for good from what may pass. A server's own words could name people."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, words = min(error.recipients.values(), default=(0, b""))
        if words.startswith(BY_POLICY):  # such as a log-in that the server misses: it waits
            raise DeliveryError(f"the mail server's rules refused the mail ({code})") from error
        raise _refusal(code, "the recipient") from error
    except smtplib.SMTPSenderRefused as error:
        # Not about this mail but MAIL_FROM, or a log-in that the server misses: it waits.
        raise DeliveryError(f"the mail server refused the sender ({error.smtp_code})") from error
    except (
        smtplib.SMTPAuthenticationError,
        smtplib.SMTPConnectError,
        smtplib.SMTPHeloError,
    ) as error:
        # Not about this mail: somebody will mend the server or the setting, and the mail waits.
        raise DeliveryError(f"the mail server lets nobody in ({error.smtp_code})") from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, "the mail") from error
    except smtplib.SMTPNotSupportedError as error:
        raise RefusedMailError("the mail server can't send to this address (SMTPUTF8)") from error
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"the mail server can't be used: {type(error).__name__}") from error


def _refusal(code: int, what: str) -> DeliveryError:
    kind = RefusedMailError if code >= FIRST_PERMANENT_CODE else DeliveryError
    return kind(f"the mail server refused {what} ({code})")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder for development: each mail is a file that a mail program opens."""

    path: Path

    def send(self, mail_id: str, message: EmailMessage) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Of this try alone: another one may be under way, after a slow first one.
            unfinished = self.path / f".{mail_id}.{token_hex(4)}.part"
            unfinished.write_bytes(message.as_bytes())
            unfinished.chmod(0o600)
            os.replace(unfinished, self.path / f"{mail_id}.eml")  # noqa: PTH105 - it says what it does
        except OSError as error:
            raise DeliveryError(f"AUTHAPI_MAIL_DIR can't be written: {error.strerror}") from error


class OnlyLog:
    def send(self, mail_id: str, message: EmailMessage) -> None:
        log.warning("mail_not_sent", mail_id=mail_id, subject=message["Subject"])
