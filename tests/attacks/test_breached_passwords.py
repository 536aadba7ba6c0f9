"""The kind: a password that was stolen elsewhere, tried here (credential stuffing)."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from time import monotonic
from typing import Any

import httpx
import pytest

from authapi.services.accounts import breached_passwords
from authapi.web.middleware.start_gate import REQUEST_THREADS
from tests.mail.conftest import MailApi, make_mail_api, sends_by_itself  # noqa: F401
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.range_service import RangeService, digest_of, range_service
from tests.support.until import until

STOLEN = "Tr0ub4dor and 3 horses"
BODY = {"email": EMAIL, "password": STOLEN}
URL = "http://localhost:8000"
CROWD = REQUEST_THREADS + 10
CLOSED = {"breached_passwords_fail_closed": True}


@pytest.fixture
def ranges() -> Iterator[RangeService]:
    with range_service(stolen={STOLEN: 3}) as service:
        yield service


@pytest.fixture
def api(make_api: MakeApi, ranges: RangeService) -> Api:
    return make_api(breached_passwords_url=ranges.url)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a service be as slow as a busy machine makes it."""
    monkeypatch.setattr(breached_passwords, "TIMEOUT_SECONDS", 30.0)


def outcome(api: Api, name: str) -> int:
    return int(api.app.state.runtime.passwords.breached.outcomes[name])


def require_refusal(answer: httpx.Response, field: str) -> None:
    assert answer.status_code == 422
    [entry] = answer.json()["errors"]
    assert (entry["loc"], entry["type"]) == (["body", field], "password_breached")
    assert "another site" in entry["msg"]
    assert "several words" in entry["msg"]
    assert STOLEN not in answer.text


pytestmark = pytest.mark.usefixtures("patient")


def test_a_stolen_password_is_refused_at_registration(api: Api) -> None:
    require_refusal(api.client.post("/register", json=BODY), "password")
    api.register()
    assert (outcome(api, "breached"), outcome(api, "absent")) == (1, 1)


def test_a_stolen_password_is_refused_at_a_change(api: Api) -> None:
    tokens = api.register_and_login()
    body = {"current_password": PASSWORD, "new_password": STOLEN}
    answer = api.client.post("/me/password", json=body, headers=tokens.bearer)
    require_refusal(answer, "new_password")
    assert api.verify(tokens) == 204


def test_a_stolen_password_is_refused_at_a_reset_which_uses_nothing_up(
    make_mail_api: Any,  # noqa: F811
    ranges: RangeService,
) -> None:
    mail_api: MailApi = make_mail_api(breached_passwords_url=ranges.url)
    mail_api.api.register()
    assert mail_api.post("/password/forgot", email=EMAIL) == 202
    token = mail_api.mail(EMAIL, "password").token
    body = {"token": token, "new_password": STOLEN}
    require_refusal(mail_api.api.client.post("/password/reset", json=body), "new_password")
    assert mail_api.post("/password/reset", token=token, new_password="a quite other one") == 204


def test_nobody_is_asked_at_a_log_in_or_before_the_rules_of_our_own(
    api: Api, ranges: RangeService
) -> None:
    api.register()
    asked = len(ranges.asked)
    api.login()
    assert api.client.post("/register", json={**BODY, "password": "short"}).status_code == 422
    assert len(ranges.asked) == asked


def test_five_digits_of_the_digest_leave_the_process_and_padding_is_asked_for(
    api: Api, ranges: RangeService
) -> None:
    api.client.post("/register", json=BODY)
    [(path, headers)] = ranges.asked
    assert path == f"/range/{digest_of(STOLEN)[:5]}"
    assert headers["Add-Padding"] == "true"
    assert digest_of(STOLEN)[5:] not in str(headers)


def test_a_count_of_zero_is_padding(api: Api, ranges: RangeService) -> None:
    ranges.stolen[STOLEN] = 0
    api.register(password=STOLEN)


def small_letters(service: RangeService, request: BaseHTTPRequestHandler, prefix: str) -> None:
    service.send(request, "\n".join(service.lines(prefix)).lower().encode() + b"\n")


def test_small_letters_and_plain_line_breaks_are_understood(api: Api, ranges: RangeService) -> None:
    ranges.answer = small_letters
    require_refusal(api.client.post("/register", json=BODY), "password")


def test_connections_are_used_again_and_closed_at_the_end(
    make_api: MakeApi, ranges: RangeService
) -> None:
    api = make_api(breached_passwords_url=ranges.url)
    for number in range(3):
        api.register(f"user{number}@example.com")
    assert len(ranges.connections) == 1
    api.app.state.runtime.passwords.breached.close()
    api.register("again@example.com")
    assert len(ranges.connections) == 2


def portal_page(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    service.send(request, b"<html>Welcome to our hotel</html>")


def not_found(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    service.send(request, b"", 404)


def too_many(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    service.send(request, b"", 429)


def nothing(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    service.send(request, b"")


def cut(service: RangeService, request: BaseHTTPRequestHandler, prefix: str) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.wfile.write("\r\n".join(service.lines(prefix)).encode())
    request.close_connection = True


def too_long(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    service.send(request, f"{'0' * 35}:0\r\n".encode() * 30_000)


def elsewhere(service: RangeService, request: BaseHTTPRequestHandler, prefix: str) -> None:
    if prefix.startswith("/else"):
        service.send(request, "\r\n".join(service.lines(prefix[-5:])).encode())
        return
    request.send_response(302)
    request.send_header("Location", f"{service.url.removesuffix('/range/')}/else/{prefix}")
    request.send_header("Content-Length", "0")
    request.end_headers()


WRONG = [portal_page, not_found, too_many, nothing, cut, too_long, elsewhere]


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_counts_as_none(
    make_api: MakeApi, ranges: RangeService, answer: Any
) -> None:
    ranges.answer = answer
    closed = make_api(breached_passwords_url=ranges.url, **CLOSED)
    refused = closed.client.post("/register", json=BODY)
    assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) == breached_passwords.PAUSE_SECONDS
    assert outcome(closed, "down") == 1
    assert len(ranges.asked) == 1  # no redirect was followed
    make_api(breached_passwords_url=ranges.url).register(password=STOLEN)


def drips_a_head(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 500:
        request.wfile.write(bytes([byte]))
        if service.released.wait(0.05):
            return


def drips_a_body(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    while not service.released.wait(0.05):
        request.wfile.write(b"0")


def hangs(service: RangeService, request: BaseHTTPRequestHandler, _: str) -> None:
    service.released.wait(20)
    request.close_connection = True


@pytest.mark.parametrize(
    "answer", [hangs, drips_a_head, drips_a_body], ids=lambda answer: answer.__name__
)
def test_a_slow_service_costs_one_second_in_all(
    make_api: MakeApi, ranges: RangeService, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(breached_passwords, "TIMEOUT_SECONDS", 0.3)
    ranges.answer = answer
    api = make_api(breached_passwords_url=ranges.url)
    began = monotonic()
    api.register(password=STOLEN)
    assert monotonic() - began < 10  # a drip without a deadline takes 25 s


def test_a_service_that_is_down_is_not_asked_for_each_password(
    make_api: MakeApi,
    ranges: RangeService,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    api = make_api(breached_passwords_url=ranges.url)
    now = [1000.0]
    monkeypatch.setattr(breached_passwords, "monotonic", lambda: now[0])
    ranges.answer = not_found
    for number in range(3):
        api.register(f"user{number}@example.com", STOLEN)
    assert len(ranges.asked) == 1
    now[0] += breached_passwords.PAUSE_SECONDS
    for number in range(3, 6):
        api.register(f"user{number}@example.com", STOLEN)
    assert len(ranges.asked) == 2
    assert outcome(api, "down") == 6
    now[0] += breached_passwords.PAUSE_SECONDS
    ranges.answer = None
    require_refusal(api.client.post("/register", json=BODY), "password")
    require_refusal(api.client.post("/register", json=BODY), "password")
    log = capfd.readouterr().err
    assert log.count("breached_passwords_down") == log.count("breached_passwords_back") == 1
    assert digest_of(STOLEN)[:5] not in log


def test_while_it_hangs_everybody_else_is_served(make_api: MakeApi, ranges: RangeService) -> None:
    ranges.answer = hangs
    app = make_api(breached_passwords_url=ranges.url, limit_register="", hash_queue=1000).app

    async def crowd() -> tuple[list[int], list[int]]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:

            async def register(number: int) -> int:
                body = {"email": f"user{number}@example.com", "password": PASSWORD}
                return (await client.post("/register", json=body)).status_code

            waiting = [asyncio.create_task(register(number)) for number in range(CROWD)]
            await asyncio.to_thread(until, lambda: bool(ranges.asked))
            # Each of these needs a request thread. The registrations hold none.
            answers = [
                (await client.post("/password/forgot", json={"email": EMAIL})).status_code
                for _ in range(3)
            ]
            assert not any(task.done() for task in waiting)
            ranges.released.set()
            ranges.answer = None
            return answers, await asyncio.gather(*waiting)

    answers, registered = asyncio.run(crowd())
    assert answers == [202] * 3
    assert len(registered) == CROWD  # 201, or 503 where SQLite is busy


def test_a_known_address_is_asked_about_as_an_unknown_one(
    make_api: MakeApi, ranges: RangeService
) -> None:
    api = make_api(breached_passwords_url=ranges.url, registration_confirms_email=True)
    body = {**BODY, "password": PASSWORD}
    answers = [api.client.post("/register", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(ranges.asked) == 2
    for email in (EMAIL, "nobody@example.com"):
        body = {"email": email, "password": STOLEN}
        require_refusal(api.client.post("/register", json=body), "password")


@pytest.mark.parametrize("proxy", ["gopher://nowhere", "socks5://127.0.0.1:1"])
def test_a_proxy_that_can_not_be_used_counts_as_down(
    make_api: MakeApi, ranges: RangeService, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    api = make_api(breached_passwords_url=ranges.url)
    api.register(password=STOLEN)
    assert outcome(api, "down") == 1
