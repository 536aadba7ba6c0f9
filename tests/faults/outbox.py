"""A server process that sends mails, and what tests see and change in its outbox."""

from pathlib import Path

from sqlalchemy import Engine, text

from tests.support.api import PASSWORD
from tests.support.forked import ForkedServer
from tests.support.settings import SERVER
from tests.support.until import until

WITHIN = 90  # seconds; a server that hangs is given up after ten


def process(folder: Path, url: str, smtp_url: str) -> ForkedServer:
    more = {"smtp_url": smtp_url, "mail_from": "login@auth.example"}
    return ForkedServer(folder, **SERVER, database_url=url, **more)


def register(server: ForkedServer, name: str) -> str:
    """Register somebody, who gets a mail; return the address."""
    body = {"email": f"{name}@example.com", "password": PASSWORD}
    with server.client() as client:
        assert client.post("/register", json=body).status_code == 201
    return body["email"]


def let_time_pass(engine: Engine, seconds: float) -> None:
    """Bring the next try as much nearer as time would."""
    sooner = "UPDATE outbox SET next_try_at = next_try_at - :by WHERE sent_at IS NULL"
    with engine.begin() as connection:
        connection.execute(text(sooner), {"by": seconds})


def count(engine: Engine, condition: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM outbox WHERE {condition}")) or 0)


def wait_until_sent(engine: Engine) -> None:
    until(lambda: not count(engine, "sent_at IS NULL"), seconds=WITHIN, every=0.05)


def wait_for_problem(engine: Engine, problem: str) -> None:
    """Wait until a try has failed with this problem, and its mail waits or was given up."""
    told = f"problem LIKE '%{problem}%'"
    until(lambda: count(engine, told) > 0, seconds=WITHIN, every=0.05)
