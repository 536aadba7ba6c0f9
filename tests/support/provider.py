"""An identity provider on a socket of this process. It signs what a test says, and answers so."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
from httpx import Response

from authapi.verifier.testing import MAKE_KEY, PrivateKey
from tests.support.api import Api, Tokens
from tests.support.together import together

AUDIENCE = "a-client-id"
METADATA = "/.well-known/openid-configuration"
JWKS = "/keys"
Answer = Callable[["Provider", BaseHTTPRequestHandler], None]


@dataclass(eq=False)
class Key:
    """A key pair of the provider."""

    kid: str
    algorithm: str = "ES256"
    private: PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.private = MAKE_KEY[self.algorithm]()

    @property
    def jwk(self) -> dict[str, Any]:
        of_algorithm = jwt.get_algorithm_by_name(self.algorithm)
        public = json.loads(of_algorithm.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


@dataclass
class Provider:
    """`instead` are answers to a path in place of its own. `metadata` and `jwks` may be changed."""

    clock: Callable[[], float]
    name: str = "acme"
    key: Key = field(default_factory=lambda: Key("first"))
    issuer: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    jwks: dict[str, Any] = field(default_factory=dict)
    instead: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    released: Event = field(default_factory=Event)  # for answers that wait

    @property
    def setting(self) -> dict[str, Any]:
        """Return the provider as AUTHAPI_IDENTITY_PROVIDERS has it."""
        return {"name": self.name, "issuer": self.issuer, "audiences": [AUDIENCE]}

    def begin(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.metadata = {"issuer": self.issuer, "jwks_uri": self.issuer + JWKS}
        self.jwks = {"keys": [self.key.jwk]}

    def rotate(self, kid: str = "second") -> None:
        """Sign with another key from now on, and publish that alone."""
        self.key = Key(kid)
        self.jwks = {"keys": [self.key.jwk]}

    def claims(self, **changes: object) -> dict[str, Any]:
        """Return good claims with some changed. None takes one out."""
        now = int(self.clock())
        own = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "a-subject",
            "iat": now,
            "exp": now + 3600,
            "email": "ada@example.com",
            "email_verified": True,
        }
        return {name: value for name, value in (own | changes).items() if value is not None}

    def token(self, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return an ID token. `header` changes its header."""
        headers = {"kid": self.key.kid, **(header or {})}
        algorithm = headers.pop("alg", self.key.algorithm)
        payload = json.dumps(self.claims(**changes)).encode()
        return jwt.api_jws.encode(payload, self.key.private, algorithm, headers)

    def count(self, path: str) -> int:
        return self.asked.count(path)

    def send(self, request: BaseHTTPRequestHandler, document: object, status: int = 200) -> None:
        body = json.dumps(document).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        documents = {METADATA: self.metadata, JWKS: self.jwks}
        if instead := self.instead.get(request.path):
            instead(self, request)
        elif request.path in documents:
            self.send(request, documents[request.path])
        else:
            self.send(request, {}, 404)


def log_in(api: Api, provider: Provider, token: str | None = None, /, **more: object) -> Response:
    """Return the answer to a log-in, by a good token if none is given."""
    sent = {"provider": provider.name, "id_token": token or provider.token(), **more}
    return api.client.post("/login/id-token", json=sent)


def statuses_of(*jobs: Callable[[], Response]) -> list[int]:
    """Return the statuses of requests at the same moment, sorted."""
    answers = together(*jobs)
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert failed == []
    return sorted(answer.status_code for answer in answers if isinstance(answer, Response))


def logged_in(api: Api, provider: Provider, token: str | None = None) -> Tokens:
    answer = log_in(api, provider, token)
    assert answer.status_code == 200, answer.text
    return Tokens(answer.json())


def me(api: Api, tokens: Tokens) -> dict[str, Any]:
    return dict(api.expect(200, "GET", "/me", headers=tokens.bearer).json())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients go away."""


@contextmanager
def serving(provider: Provider, port: int = 0) -> Iterator[None]:
    """Let the provider answer for the time of the block, at the port that it had before."""

    class Handler(BaseHTTPRequestHandler):
        # HTTP/1.0: a connection ends with its answer, so that nobody answers once this has ended.

        def do_GET(self) -> None:
            provider.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", port), Handler) as server:
        if not provider.issuer:
            provider.begin(server.server_port)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            provider.released.set()
            server.shutdown()
            thread.join(10)
