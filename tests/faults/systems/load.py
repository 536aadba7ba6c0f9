"""Clients under load that do all that the docs ask of a client, and write down what they were told.

A client keeps its refresh token with its key, and repeats what was not answered. Then no fault may
log it out, and nothing that was acknowledged to it may be lost.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from secrets import token_hex
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any

import httpx

from tests.support.api import EMAIL, PASSWORD
from tests.support.refresh_rule import new_key
from tests.support.until import until

KEEPERS, LEAVERS, READERS = 4, 2, 1
PAUSE_SECONDS = 0.05  # between two requests of a client: seven of them leave a core to others
LONGEST_SECONDS = 45.0  # a request that hangs; the promise of two is tested in tests/faults
PATIENCE_SECONDS = 120.0
ASKED_OFTEN = 8  # twice each, on connections of their own, so that every worker is asked
ADA = {"email": EMAIL, "password": PASSWORD}


@dataclass
class Told:
    """What the clients were told."""

    exchanges: Counter[str] = field(default_factory=Counter)  # by client
    statuses: Counter[str] = field(default_factory=Counter)  # "POST /refresh 503"
    ended: list[dict[str, Any]] = field(default_factory=list)  # pairs whose log-out was 204
    wrong: list[str] = field(default_factory=list)  # what no client may be told


class Load:
    """Made for the base URLs of one or more servers. `place` is entered by each thread.

    `gateway`: a proxy is before them, whose own 502 and 504 count as 503. `cuts`: their processes
    die or freeze, so a request may be cut off; then it is repeated, as one that was answered 503.
    """

    def __init__(
        self,
        *urls: str,
        place: Callable[[], AbstractContextManager[object]] = nullcontext,
        gateway: bool = False,
        cuts: bool = False,
        keepers: int = KEEPERS,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self.urls, self.told, self._pause = urls, Told(), pause
        self._place, self._gateway, self._cuts = place, gateway or cuts, cuts
        self._jobs = {"keeper": keepers, "leaver": LEAVERS, "reader": READERS}
        self._lock, self._is_over = Lock(), Event()
        self._threads: list[Thread] = []

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Register a user, and run the clients during the block. Each has come to work before."""
        with self.client() as client:
            self._insist(client, "POST", "/register", json=ADA, wanted=(201, 409))
        for job, number in self._jobs.items():
            for each in range(number):
                name = f"{job} {each}"
                self._threads.append(Thread(target=self._run, args=(job, name), name=name))
        for thread in self._threads:
            thread.start()
        try:
            self.goes_on()
            yield self
        finally:
            self._is_over.set()
            for thread in self._threads:
                thread.join(PATIENCE_SECONDS)

    def goes_on(self, times: int = 3) -> float:
        """Wait until each client has done its work some times more; return the seconds."""
        before = self.told.exchanges.copy()
        names = [thread.name for thread in self._threads]

        def all_have() -> bool:
            return all(self.told.exchanges[name] >= before[name] + times for name in names)

        return self._until(all_have)

    def refuses(self, times: int = 1, ending: str = "/refresh 503") -> None:
        """Wait until so many more answers end with this. Tokens are verified meanwhile."""
        before = self.count(ending)
        self._until(lambda: self.count(ending) >= before + times)
        self.verifies_on()

    def verifies_on(self) -> None:
        """Wait for some answers of /verify. None is refused, or the load is unsound."""
        before = self.count("/verify 204")
        self._until(lambda: self.count("/verify 204") > before + 10)

    def _until(self, condition: Callable[[], bool]) -> float:
        def holds() -> bool:
            assert not self.told.wrong, self.told.wrong[:3]
            return condition()

        return until(holds, seconds=PATIENCE_SECONDS, every=0.02)

    def count(self, ending: str) -> int:
        """Return how many answers end with this, such as " 503" or "/verify 204"."""
        with self._lock:
            return sum(n for what, n in self.told.statuses.items() if what.endswith(ending))

    def assert_sound(self) -> None:
        """Nobody was told what is wrong, and every log-out that was acknowledged holds."""
        assert self.told.wrong == []
        assert self.told.ended
        ended, self.told.ended[:] = list(self.told.ended), []
        for url in self.urls:
            with self._place(), self.client(url) as client:
                until(lambda: self._are_refused(client, ended), seconds=PATIENCE_SECONDS, every=0.2)

    def _are_refused(self, client: httpx.Client, ended: list[dict[str, Any]]) -> bool:
        """Return whether every worker refuses all tokens of these sessions."""
        for pair in ended:
            body = {"refresh_token": pair["refresh_token"]}
            answer = client.post("/refresh", json=body)
            if self._is_to_be_repeated(answer):
                return False
            assert answer.status_code == 401, "a log-out that was acknowledged is lost"
        asked = [bearer(pair) for pair in ended[-ASKED_OFTEN:] * 2]
        return all(client.get("/verify", headers=each).status_code == 401 for each in asked)

    def client(self, url: str | None = None) -> httpx.Client:
        """Return a client that connects anew for each request, to this or that worker."""
        fresh = httpx.Limits(max_keepalive_connections=0)
        base = url or self.urls[0]
        return httpx.Client(base_url=base, trust_env=False, timeout=60, limits=fresh)

    def _run(self, job: str, name: str) -> None:
        work = {"keeper": self._keep, "leaver": self._leave, "reader": self._read}[job]
        try:
            with self._place():
                clients = [self.client(url) for url in self.urls]
                try:
                    work(name, clients)
                finally:
                    for client in clients:
                        client.close()
        except _Over:
            pass
        except Exception as error:  # noqa: BLE001 - the test's thread reads it
            self._note_wrong(f"{name}: {error!r}")

    def _keep(self, name: str, clients: list[httpx.Client]) -> None:
        """Exchange one session's token again and again."""
        token, key = self.log_in(clients[0])["refresh_token"], new_key()
        while True:
            for client in clients:
                body, kept = {"refresh_token": token}, {"Idempotency-Key": key}
                answer = self._insist(client, "POST", "/refresh", json=body, headers=kept)
                token, key = answer.json()["refresh_token"], new_key()
                self.told.exchanges[name] += 1

    def _leave(self, name: str, clients: list[httpx.Client]) -> None:
        """Log in and out again and again."""
        while True:
            for client in clients:
                self.log_out(client, self.log_in(client))
                self.told.exchanges[name] += 1

    def _read(self, name: str, clients: list[httpx.Client]) -> None:
        """Have one token verified again and again. No fault of the database is seen here."""
        pair = self.log_in(clients[0])
        for client in clients:  # a server takes no token before it has read the revocations
            self._insist(client, "GET", "/verify", headers=bearer(pair), wanted=(204,))
        while True:
            for client in clients:
                answer = self._ask(client, "GET", "/verify", headers=bearer(pair))
                if answer.status_code != 204 and not self._is_the_gateways(answer):
                    self._note_wrong(f"{name}: /verify {answer.status_code}")
                self.told.exchanges[name] += 1

    def log_in(self, client: httpx.Client) -> dict[str, Any]:
        return dict(self._insist(client, "POST", "/login", json=ADA).json())

    def _insist(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        *,
        wanted: tuple[int, ...] = (200,),
        **more: Any,
    ) -> httpx.Response:
        """Repeat a request until it is answered otherwise than 503."""
        while True:
            answer = self._ask(client, method, path, **more)
            if answer.status_code in wanted:
                return answer
            if not self._is_to_be_repeated(answer):
                text = answer.text[:200]
                raise AssertionError(f"{method} {path}: {answer.status_code} {text}")

    def log_out(self, client: httpx.Client, pair: dict[str, Any]) -> None:
        self._insist(client, "POST", "/logout", headers=bearer(pair), wanted=(204,))
        self.told.ended.append(pair)

    def _ask(self, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
        if self._is_over.is_set():
            raise _Over
        sleep(self._pause)
        began = monotonic()
        answer = self._answer(client, method, path, **more)
        took = monotonic() - began
        with self._lock:
            self.told.statuses[f"{method} {path} {answer.status_code}"] += 1
        if took > LONGEST_SECONDS and not self._cuts:
            self._note_wrong(f"{method} {path} took {took:.1f} s")
        return answer

    def _answer(self, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return client.request(method, path, **more)
        except httpx.TransportError:
            if not self._cuts:
                raise
            return httpx.Response(502)

    def _is_to_be_repeated(self, answer: httpx.Response) -> bool:
        if self._is_the_gateways(answer):
            return True
        if answer.status_code != 503:
            return False
        assert answer.headers["Retry-After"]
        assert answer.json()["error"] == "unavailable"
        return True

    def _is_the_gateways(self, answer: httpx.Response) -> bool:
        is_json = answer.headers.get("Content-Type") == "application/json"
        return self._gateway and answer.status_code in {502, 503, 504} and not is_json

    def _note_wrong(self, what: str) -> None:
        with self._lock:
            self.told.wrong.append(what)


class _Over(Exception):
    """The block of `running` has ended."""


def patient(request: Callable[[], httpx.Response]) -> httpx.Response:
    """Return the first answer that is not 503: on a busy machine the database may be late."""
    deadline = monotonic() + PATIENCE_SECONDS
    while (answer := request()).status_code == 503:
        assert monotonic() < deadline, answer.text
        assert answer.headers["Retry-After"]
        sleep(PAUSE_SECONDS)
    return answer


def bearer(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}", "X-Request-ID": token_hex(8)}
