"""Bodies are small, JSON by name and by content, and read one way only (docs/limits.md)."""

import pytest
from structlog.testing import capture_logs

from tests.support.api import EMAIL, PASSWORD
from tests.support.raw_asgi import send_raw
from tests.support.service import Service

JSON = {"Content-Type": "application/json"}
LIMIT = 64 * 1024
GOOD = b'{"email": "%s", "password": "%s"}' % (EMAIL.encode(), PASSWORD.encode())
ROUTES = ("/register", "/login", "/refresh", "/logout", "/me/password", "/me/delete")


def post(service: Service, content: bytes, path: str = "/login") -> tuple[int, str]:
    headers = JSON | service.tokens.bearer if path.startswith("/me") else JSON
    answer = service.client.post(path, content=content, headers=headers)
    assert answer.status_code < 500, answer.text
    return answer.status_code, answer.json().get("error", "")


MALFORMED = {
    "a name twice": b'{"email": "eve@example.com", ' + GOOD[1:],
    "a name twice, once by escape": b'{"\\u0065mail": "eve@example.com", ' + GOOD[1:],
    "a name twice deep inside": b'{"a": [{"b": 1, "b": 1}]}',
    "cut off": GOOD[:-1],
    "and more": GOOD + b"{}",
    "twice": GOOD * 2,
    "after a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "in UTF-16": GOOD.decode().encode("utf-16"),
    "in UTF-16 LE": GOOD.decode().encode("utf-16-le"),
    "in UTF-32": GOOD.decode().encode("utf-32"),
    "in Latin-1": b'{"email": "\xe9", "password": "x"}',
    "a surrogate in bytes": b'{"email": "\xed\xa0\x80"}',
    "an overlong NUL": b'{"email": "\xc0\x80"}',
    "a bare NUL": b'{"email": "a\x00b"}',
    "and a NUL": GOOD + b"\x00",
    "a bare line break": b'{"email": "a\nb"}',
    "NaN": b'{"email": NaN}',
    "Infinity": b'{"email": [-Infinity]}',
    "5000 digits": b'{"email": %s}' % (b"9" * 5000),
    "single quotes": b"{'email': 'x'}",
    "a comma too many": GOOD[:-1] + b",}",
    "a comment": GOOD + b"// x",
    "a leading zero": b'{"email": 01}',
    "a plus": b'{"email": +1}',
    "hexadecimal": b'{"email": 0x10}',
    "an unknown escape": b'{"email": "\\x41"}',
    "True": b'{"email": True}',
    "names without quotes": b"{email: 1}",
    "lists 30000 deep": b"[" * 30_000 + b"]" * 30_000,
    "lists 60000 deep, open": b"[" * 60_000,
    "objects 9000 deep": b'{"":' * 9_000 + b"1" + b"}" * 9_000,
    "white space": b" \r\n\t",
    "a form": b"email=ada%40example.com&password=x",
    "multipart": b"--x\r\nContent-Disposition: form-data; name=email\r\n\r\nada\r\n--x--",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "msgpack": b"\x82\xa5email\xa1x",
    "a text of 60000 escapes": b'"' + b"\\" * 60_001 + b'"',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_strict_json_is_malformed(service: Service, name: str) -> None:
    assert post(service, MALFORMED[name]) == (400, "invalid_request")


STRANGE = {
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "a text": b'"text"',
    "true": b"true",
    "empty": b"{}",
    "a name that is empty": b'{"": ""}',
    "a name that is a lone surrogate": b'{"\\ud800": 1, "email": "x", "password": "x"}',
    "a name that is a NUL": b'{"\\u0000": 1, "email": "x", "password": "x"}',
    "a lone surrogate": b'{"email": "\\ud800", "password": "x"}',
    "a lone low surrogate": b'{"email": "a\\udc00b", "password": "x"}',
    "surrogates in the wrong order": b'{"email": "\\udc00\\ud800", "password": "x"}',
    "a NUL by escape": b'{"email": "a\\u0000b", "password": "x"}',
    "a NUL in the password": b'{"email": "x", "password": "abc\\u0000def"}',
    "a line break by escape": b'{"email": "a\\nb", "password": "x"}',
    "4000 digits": b'{"email": %s, "password": "x"}' % (b"9" * 4000),
    "a number beyond floats": b'{"email": 1e400, "password": "x"}',
    "minus zero": b'{"email": -0.0, "password": "x"}',
    "lists 900 deep": b'{"email": %s, "password": "x"}' % (b"[" * 900 + b"]" * 900),
    "a constructor": b'{"__proto__": {"admin": true}, "email": "x", "password": "x"}',
    "10000 members": b'{"email": "x", %s "password": "x"}'
    % b"".join(b'"%d":0,' % number for number in range(6000)),
    "a text of 65000": b'{"email": "%s", "password": "x"}' % (b"x" * 65_000),
}


@pytest.mark.parametrize("path", ["/login", "/register"])
@pytest.mark.parametrize("name", STRANGE)
def test_json_of_another_shape_is_not_valid(service: Service, name: str, path: str) -> None:
    assert post(service, STRANGE[name], path) == (422, "validation_error")


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json", "Application/JSON", "application/json; charset=utf-8"),
        *("application/json;charset=latin-1", " application/json ", "application/json;"),
    ],
)
def test_json_is_known_by_its_name(service: Service, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    answer = service.client.post("/login", content=GOOD, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "content_type",
    [
        *(None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"),
        *("text/json", "application/jsonp", "application/json-seq", "application/problem+json"),
        *("application/json, text/plain", "text/plain; application/json", "json", "*/*"),
        *(
            "application/ json",
            "application/json\x0b",
            "multipart/form-data; boundary=" + "a" * 9999,
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_body_of_another_name_is_refused(
    service: Service, path: str, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type is not None else {}
    answer = service.client.post(path, content=GOOD, headers=headers | service.tokens.bearer)
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")
    assert service.api.verify(service.tokens) == 204


@pytest.mark.parametrize("path", ["/me", "/sessions"])
def test_a_form_never_reaches_a_route_that_reads_no_body(service: Service, path: str) -> None:
    answer = service.client.request(
        "DELETE" if path == "/sessions" else "GET",
        path,
        headers=service.tokens.bearer,
        data={"a": "b"},
    )
    assert answer.status_code == 415


def test_a_body_of_64_kib_is_read(service: Service) -> None:
    assert post(service, GOOD + b" " * (LIMIT - len(GOOD)))[0] == 200


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_of_a_byte_more_is_too_large(service: Service, path: str) -> None:
    assert post(service, GOOD + b" " * (LIMIT + 1 - len(GOOD)), path) == (413, "payload_too_large")


@pytest.mark.parametrize("length", [str(LIMIT + 1), "9" * 19, "9" * 5000, "-1", "1e3", "x", "\xb2"])
def test_a_body_that_says_it_is_too_large_is_not_read(service: Service, length: str) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", length)]
    answer = send_raw(service.api.app, "POST", "/login", headers, [b"{", b"}"])
    assert (answer.status, answer.chunks_read) == (413, 0)


def test_a_chunked_body_is_too_large_as_soon_as_it_has_passed_the_limit(service: Service) -> None:
    headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    chunks = [b" " * 16 * 1024] * 100
    answer = send_raw(service.api.app, "POST", "/login", headers, chunks)
    assert (answer.status, answer.chunks_read) == (413, 5)


def test_a_body_that_is_longer_than_it_says_is_too_large(service: Service) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", "2")]
    answer = send_raw(service.api.app, "POST", "/login", headers, [b" " * 16 * 1024] * 100)
    assert (answer.status, answer.chunks_read) == (413, 5)


def test_a_chunked_body_is_read_like_any_other(service: Service) -> None:
    headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    chunks = [bytes([byte]) for byte in GOOD]
    assert send_raw(service.api.app, "POST", "/login", headers, chunks).status == 200


def test_a_body_without_a_length_is_read_by_the_same_rules(service: Service) -> None:
    # HTTP/2 needs neither Content-Length nor Transfer-Encoding.
    chunks = [b" " * 16 * 1024] * 100
    json = [("Content-Type", "application/json")]
    assert send_raw(service.api.app, "POST", "/login", json, chunks).status == 413
    assert send_raw(service.api.app, "POST", "/login", json, [GOOD]).status == 200
    assert send_raw(service.api.app, "POST", "/login", [], [GOOD]).status == 415


def test_a_client_that_goes_away_is_no_mistake_of_ours(service: Service) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(GOOD)))]
    with capture_logs() as logs:
        send_raw(service.api.app, "POST", "/login", headers, [GOOD[:10]], disconnects=True)
    assert "unexpected_error" not in {entry["event"] for entry in logs}
