"""A real Postfix on loopback: its configuration, queue and mailbox are in a temporary folder.

It listens on two ports. `submission` offers STARTTLS and takes mails only from who logs in, as a
provider does. `plain` takes mails from everybody, and offers neither.
"""

import base64
import os
import signal
import socket
import socketserver
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from pwd import getpwnam
from threading import Thread

import pytest

from tests.support.certificates import write_certificate
from tests.support.mail_server import PASSWORD, USER
from tests.support.server import free_port
from tests.support.until import until

PROGRAM = Path("/usr/lib/postfix/sbin/master")
START_TIMEOUT = 60.0  # seconds
DOMAIN = "example.com"
QUEUE = "active bounce corrupt defer deferred flush hold incoming maildrop private public saved"

needs_postfix = pytest.mark.skipif(
    not PROGRAM.exists() or os.geteuid() != 0,
    reason="there is no postfix here, or nobody to start it: as root, apt-get install postfix",
)

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = localhost
mynetworks =
mydestination =
alias_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:all/
virtual_mailbox_base = {folder}/mails
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_cert_file = {folder}/localhost.pem
smtpd_tls_key_file = {folder}/localhost.key
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/answers
"""
# A process for each connection: it reads `answers` anew.
SMTPD = "127.0.0.1:{port} inet n - n - - smtpd -o max_use=1"
SUBMISSION = (
    " -o smtpd_tls_security_level=may -o smtpd_sasl_auth_enable=yes"
    " -o {smtpd_client_restrictions=permit_sasl_authenticated,reject}"
)
SERVICES = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    def __init__(self, folder: Path, auth_port: int) -> None:
        self.folder = folder
        self.certificate, _ = write_certificate(folder, "localhost", "localhost")
        self.submission, self.plain = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        user = getpwnam("postfix")
        for name in ("queue", *(f"queue/{name}" for name in QUEUE.split()), "data", "mails"):
            (folder / name).mkdir()
            if name != "queue":
                os.chown(folder / name, user.pw_uid, -1)
        (folder / "queue" / "pid").mkdir()
        main = {"folder": folder, "domain": DOMAIN, "auth": auth_port}
        text = MAIN.format(**main, uid=user.pw_uid, gid=user.pw_gid)
        (folder / "main.cf").write_text(text)
        with_tls = SMTPD.format(port=self.submission) + SUBMISSION
        services = (with_tls, SMTPD.format(port=self.plain), SERVICES)
        (folder / "master.cf").write_text("\n".join(services))
        self.answer({})

    @property
    def url(self) -> str:
        return f"smtp://{USER}:{PASSWORD}@localhost:{self.submission}?starttls=required"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def mails(self, to: str) -> list[EmailMessage]:
        """Return what is in the mailbox of that address, the oldest first."""
        files = sorted((self.folder / "mails").glob("all/new/*"), key=lambda file: file.name)
        read = [message_from_bytes(file.read_bytes(), policy=default) for file in files]
        mails = [mail for mail in read if isinstance(mail, EmailMessage)]
        return [mail for mail in mails if mail["To"] == to]

    def answer(self, answers: Mapping[str, str]) -> None:
        """Give these answers to RCPT from now on. An address that is not in there is taken."""
        lines = (f"{address} {answer}\n" for address, answer in answers.items())
        (self.folder / "answers").write_text("".join(lines))

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with (self.folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [str(PROGRAM), "-c", str(self.folder), "-d"],
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        until(self._answers, seconds=START_TIMEOUT, every=0.02)

    def stop(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _answers(self) -> bool:
        assert self.is_running, (self.folder / "out").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.plain), timeout=5) as probe:
                return probe.recv(3) == b"220"
        except OSError:
            return False


@contextmanager
def postfix_server() -> Iterator[Postfix]:
    """Run a Postfix during the block."""
    with (
        tempfile.TemporaryDirectory(prefix="authapi-postfix-") as folder,
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), _LogIns) as log_ins,
    ):
        Path(folder).chmod(0o755)  # its own user reads in there
        log_ins.daemon_threads = True
        Thread(target=log_ins.serve_forever, daemon=True).start()
        server = Postfix(Path(folder), log_ins.server_address[1])
        server.start()
        try:
            yield server
        finally:
            server.stop()
            log_ins.shutdown()


class _LogIns(socketserver.StreamRequestHandler):
    """Tells Postfix who may log in, as Dovecot would: USER with PASSWORD, by AUTH PLAIN."""

    def handle(self) -> None:
        self._say("VERSION\t1\t1", "MECH\tPLAIN\tplaintext", "SPID\t1", "CUID\t1", "DONE")
        right = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        for line in self.rfile:
            command, *words = line.decode().rstrip("\n").split("\t")
            if command == "AUTH":
                is_right = f"resp={right}" in words
                self._say(f"OK\t{words[0]}\tuser={USER}" if is_right else f"FAIL\t{words[0]}")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\n" for line in lines).encode())
