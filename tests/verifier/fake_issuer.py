"""An issuer at the network's edge: it counts what it is asked, and answers what a test says."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import httpx
import jwt

from tests.verifier.fixtures import NOW, signer_of
from tests.verifier.signer import Signer

ISSUER = "https://auth.example"
METADATA = "/.well-known/oauth-authorization-server"
JWKS = "/.well-known/jwks.json"
REVOCATIONS = "/revocations"

Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def jwk_of(signer: Signer) -> dict[str, Any]:
    public = json.loads(jwt.get_algorithm_by_name(signer.algorithm).to_jwk(signer.public))
    return {**public, "kid": signer.kid, "alg": signer.algorithm, "use": "sig"}


class FakeIssuer(httpx.AsyncBaseTransport):
    """By default one that works, and holds a request with `wait` until `changed()`."""

    def __init__(self, *signers: Signer, max_age: int = 300) -> None:
        self.keys = [jwk_of(signer) for signer in signers or [signer_of("ES256")]]
        self.max_age = max_age
        self.as_of = NOW + 0.5
        self.sessions: dict[str, float] = {}
        self.reissued: dict[str, float] = {}
        self.compromised: list[str] = []
        self.metadata: dict[str, Any] | None = None
        self.asked: list[httpx.Request] = []
        self.instead: dict[str, Answer] = {}

    def count(self, path: str) -> int:
        return sum(request.url.path == path for request in self.asked)

    def queries(self) -> list[dict[str, str]]:
        """Of the requests for revocations."""
        return [dict(one.url.params) for one in self.asked if one.url.path == REVOCATIONS]

    def changed(self) -> None:
        """Answer whoever waits."""
        self.as_of += 0.25

    def revoke(self, *sids: str) -> None:
        self.sessions |= dict.fromkeys(sids, NOW + 3690)
        self.changed()

    def page(self, **changes: object) -> dict[str, object]:
        page = {
            "as_of": self.as_of,
            "cursor": repr(self.as_of),
            "sessions": self.sessions,
            "reissued": self.reissued,
            "keys": self.compromised,
        }
        return page | changes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if answer := self.instead.get(path) or self.instead.get("*"):
            return await answer(request)
        if path == METADATA:
            return self._metadata()
        if path == JWKS:
            return self._key_set(request)
        if path == REVOCATIONS:
            return await self._revocations(request)
        return httpx.Response(404)

    def _metadata(self) -> httpx.Response:
        usual = {
            "issuer": ISSUER,
            "jwks_uri": ISSUER + JWKS,
            "revocations_uri": ISSUER + REVOCATIONS,
        }
        return httpx.Response(200, json=usual if self.metadata is None else self.metadata)

    def _key_set(self, request: httpx.Request) -> httpx.Response:
        body = json.dumps({"keys": self.keys})
        etag = f'"{hash(body)}"'
        headers = {"ETag": etag, "Cache-Control": f"public, max-age={self.max_age}"}
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, content=body, headers=headers)

    async def _revocations(self, request: httpx.Request) -> httpx.Response:
        query, ends_at = request.url.params, asyncio.get_running_loop().time() + 20
        while "wait" in query and float(query["since"]) >= self.as_of:
            assert asyncio.get_running_loop().time() < ends_at
            await asyncio.sleep(0.002)
        return httpx.Response(200, json=self.page())


def status(code: int, **headers: str) -> Answer:
    """Always that status, with nothing in it."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            code, headers={key.replace("_", "-"): headers[key] for key in headers}
        )

    return answer


def json_body(document: object) -> Answer:
    async def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=document)

    return answer


def body(content: bytes, **headers: str) -> Answer:
    async def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=content, headers=headers)

    return answer


def pages(documents: Iterable[object]) -> Answer:
    """One after the other; then nothing more comes."""
    left = iter(documents)

    async def answer(_request: httpx.Request) -> httpx.Response:
        for document in left:
            return httpx.Response(200, json=document)
        await asyncio.Event().wait()
        raise AssertionError

    return answer


async def out_of_reach(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


async def black_hole(_request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError
