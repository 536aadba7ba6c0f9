"""A link or a code from a mail works once, whatever comes at the same moment and at which server.

Kind: two requests both find a link unused before either notes that it was used.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.outbox import WITHIN, process, register
from tests.support.api import PASSWORD
from tests.support.forked import ForkedServer
from tests.support.mail_server import MailServer, mail_server
from tests.support.mails import ReadMail
from tests.support.together import together
from tests.support.until import until

USES = 16
ROUTES: dict[str, tuple[str, dict[str, str]]] = {
    "verify": ("/email/verify", {}),
    "reset": ("/password/reset", {"new_password": "a new and longer phrase"}),
}


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def servers(tmp_path: Path, url: str, mails: MailServer) -> Iterator[list[ForkedServer]]:
    one, other = (process(tmp_path, url, mails.url("127.0.0.1")) for _ in range(2))
    with one, other:
        yield [one, other]


def asked_mail(server: ForkedServer, mails: MailServer, name: str, purpose: str) -> ReadMail:
    email = register(server, name)
    if purpose == "reset":
        with server.client() as client:
            client.post("/password/forgot", json={"email": email})
    subject = {"reset": "new password", "verify": "Verify"}[purpose]

    def arrived() -> list[ReadMail]:  # among notices of the proofs before, in any order
        read = map(ReadMail, mails.mails)
        return [mail for mail in read if mail.to == email and subject in mail.subject]

    until(lambda: len(arrived()) == 1, seconds=WITHIN, every=0.02)
    return arrived()[0]


@pytest.mark.parametrize("purpose", ["verify", "reset"])
def test_sixteen_uses_at_two_servers_are_one_success(
    servers: list[ForkedServer], mails: MailServer, purpose: str
) -> None:
    path, more = ROUTES[purpose]

    def use(number: int, bodies: list[dict[str, str]]) -> int:
        body = {**bodies[number // 2 % len(bodies)], **more}
        with servers[number % 2].client() as client:
            return client.post(path, json=body).status_code

    for proof in ("link", "code", "both"):
        mail = asked_mail(servers[0], mails, f"ada-{proof}", purpose)
        link, code = {"token": mail.token}, {"email": mail.to, "code": mail.code}
        bodies = {"link": [link], "code": [code], "both": [link, code]}[proof]
        calls = [lambda number=number, bodies=bodies: use(number, bodies) for number in range(USES)]
        answers = together(*calls)
        assert answers.count(204) == 1, proof
        assert set(answers) <= {204, 400, 503}
        assert use(0, bodies) == 400
        with servers[1].client() as client:
            login = {"email": mail.to, "password": more.get("new_password", PASSWORD)}
            assert client.post("/login", json=login).status_code == 200
