"""Requests for a fuzz of the socket: whole ones, broken ones, and what is none. All by one seed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.support.sockets import request

JSON = "Content-Type: application/json"
BODIES: tuple[dict[str, object], ...] = (
    {"email": "nobody@example.com", "password": "not the right one"},
    {"refresh_token": "a.b.c"},
    {"email": "\ud800", "password": None, "transport": []},
    {},
)
READS = (
    *("GET /healthz", "HEAD /healthz", "GET /me", "GET /verify", "GET /sessions", "GET /csrf"),
    *("GET /revocations", "GET /.well-known/jwks.json", "OPTIONS /login", "DELETE /sessions/x"),
    *("GET /verify/any/path?scope=a", "GET /nowhere?%00=%ff", "PUT /verify", "GET /client.js"),
)
WRITES = ("POST /login", "POST /register", "POST /refresh", "POST /logout", "PATCH /me")
HEADERS = (
    *(
        "Authorization: Bearer a.b.c",
        "Cookie: authapi-access=a; authapi-session=b",
        "X-CSRF-Token: a",
    ),
    *(
        "Origin: https://evil.example",
        "X-Forwarded-For: 203.0.113.9",
        "Idempotency-Key: aaaaaaaaaaaaaaaa",
    ),
    *("Upgrade: h2c", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: aaaa"),
    *("If-None-Match: *", "Accept-Encoding: gzip", "Range: bytes=0-1", "TE: trailers", "Expect: a"),
)
TOKENS = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b";",
        b"\xff\xfe",
        b"%00",
        b"../",
        b"\r\n\r\n",
    ),
    *(
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Host: a\r\n"),
    *(
        b"Expect: 100-continue\r\n",
        b"Upgrade: h2c\r\n",
        b"Connection: close\r\n",
        b"HTTP/9.9",
        b"0x10",
    ),
)
NO_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /healthz\r\n\r\n",  # HTTP/0.9
    b"\x05\x01\x00",  # SOCKS
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",  # Redis
)


@dataclass(frozen=True)
class Noise:
    """What a client sends, piece by piece. Every one of `whole` requests has to be answered."""

    pieces: list[bytes]
    whole: int = 0
    hangs_up: bool = False


def noise(random: Random) -> Noise:
    """Return what the next state of `random` leads to."""
    kind: Callable[[Random], Noise] = random.choice((_whole, _broken, _broken, _chunked, _garbage))
    return kind(random)


def _whole(random: Random) -> Noise:
    count = random.randint(1, 6)
    return Noise(_split(random, b"".join(_request(random) for _ in range(count))), whole=count)


def _broken(random: Random) -> Noise:
    content = b"".join(_request(random) for _ in range(random.randint(1, 4)))
    for _ in range(random.randint(1, 8)):
        content = random.choice((_flip, _cut, _repeat, _insert))(random, content)
    return Noise(_split(random, content), hangs_up=random.random() < 0.2)


def _chunked(random: Random) -> Noise:
    content = request(
        *random.choice(WRITES).split(), JSON, "Transfer-Encoding: chunked", close=False
    )
    for piece in _split(random, json.dumps(random.choice(BODIES)).encode() + b" " * 9):
        content += _size(random, len(piece)) + _extension(random) + b"\r\n" + piece + b"\r\n"
    content += b"0" + _extension(random) + b"\r\n"
    content += (
        b"".join(random.choice((b"X: y\r\n", b"Host: b\r\n", b"")) for _ in range(3)) + b"\r\n"
    )
    if random.random() < 0.5:
        content = random.choice((_flip, _cut, _repeat, _insert))(random, content)
    return Noise(_split(random, content + _request(random)))


def _garbage(random: Random) -> Noise:
    start = random.choice((*NO_HTTP, b"", b"GET ", b"POST /login HTTP/1.1\r\nHost: a\r\n"))
    return Noise(_split(random, start + random.randbytes(random.choice((1, 30, 3000, 70_000)))))


def _request(random: Random) -> bytes:
    headers = random.sample(HEADERS, random.randint(0, 3))
    if random.random() < 0.6:
        return request(*random.choice(READS).split(" ", 1), *headers, close=False)
    body = json.dumps(random.choice(BODIES)).encode()
    return request(*random.choice(WRITES).split(" "), JSON, *headers, body=body, close=False)


def _size(random: Random, length: int) -> bytes:
    ways = (f"{length:x}", f"{length:X}", f"000{length:x}", f"{length + 1:x}", "f" * 20, "-1", "")
    return random.choices(ways, (30, 10, 5, 1, 1, 1, 1))[0].encode()


def _extension(random: Random) -> bytes:
    return random.choice((b"", b"", b";a=b", b';a="b\\"c"', b"; a", b";" + b"x" * 5000, b';a="'))


def _split(random: Random, content: bytes) -> list[bytes]:
    cuts = sorted(random.choices(range(len(content) + 1), k=random.randint(0, 6)))
    return [content[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]


def _flip(random: Random, content: bytes) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + random.randbytes(1) + content[place + 1 :]


def _cut(random: Random, content: bytes) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start + random.randint(1, 20) :]


def _repeat(random: Random, content: bytes) -> bytes:
    start = random.randrange(len(content) + 1)
    piece = content[start : start + random.randint(1, 60)]
    return content[:start] + piece * random.randint(2, 30) + content[start:]


def _insert(random: Random, content: bytes) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + random.choice(TOKENS) + content[place:]
