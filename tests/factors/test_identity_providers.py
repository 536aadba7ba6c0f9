"""Fetching a provider's keys: what is asked, how often, and what a bad answer does."""

import json
from functools import partial
from http.server import BaseHTTPRequestHandler
from time import monotonic

import pytest

from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.provider import (
    JWKS,
    METADATA,
    Answer,
    Key,
    Provider,
    log_in,
    logged_in,
    serving,
    statuses_of,
)
from tests.support.until import until

pytestmark = sqlite_only
PATIENCE = 60.0  # seconds; the machine may be busy
NO_LIMITS = {"limit_login_address": "", "limit_login_success": ""}


@pytest.fixture
def api(make_api: MakeApi, provider: Provider) -> Api:
    return make_api(identity_providers=[provider.setting], **NO_LIMITS)


def status(api: Api, provider: Provider, token: str | None = None) -> int:
    return log_in(api, provider, token).status_code


def unavailable(api: Api, provider: Provider) -> None:
    answer = log_in(api, provider)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


def test_the_keys_are_fetched_once(api: Api, provider: Provider) -> None:
    assert provider.asked == []  # not before there is a token
    assert statuses_of(*[partial(log_in, api, provider)] * 8) == [200] * 8
    assert provider.asked == [METADATA, JWKS]


def test_a_new_key_is_found(api: Api, provider: Provider) -> None:
    old = provider.token()
    logged_in(api, provider, old)
    provider.rotate()
    until(lambda: status(api, provider) == 200, seconds=PATIENCE, every=0.2)
    assert status(api, provider, old) == 401


def test_unknown_keys_do_not_ask_again_and_again(api: Api, provider: Provider) -> None:
    logged_in(api, provider)
    began = monotonic()
    for number in range(40):
        assert status(api, provider, provider.token(header={"kid": f"k{number}"})) == 401
    assert provider.count(JWKS) <= 2 + (monotonic() - began) / 3


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_keys_without_an_algorithm_are_bound_by_their_type(
    make_api: MakeApi, clock: TestClock, algorithm: str
) -> None:
    # As Microsoft publishes them.
    provider = Provider(clock, key=Key("first", algorithm))
    with serving(provider):
        del provider.jwks["keys"][0]["alg"]
        api = make_api(identity_providers=[provider.setting])
        assert status(api, provider) == 200
        if algorithm == "RS256":
            assert status(api, provider, provider.token(header={"alg": "PS256"})) == 401


def test_keys_for_other_purposes_are_left_out(api: Api, provider: Provider) -> None:
    encrypts, strange = Key("enc").jwk | {"use": "enc"}, {"kty": ["RSA"], "kid": "strange"}
    provider.jwks["keys"] += [encrypts, strange, "no key", {"kty": "oct", "k": "AAAA"}]
    assert status(api, provider) == 200
    assert status(api, provider, provider.token(header={"kid": "enc"})) == 401


def send_status(code: int, **headers: str) -> Answer:
    def send(_: Provider, request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()

    return send


def answers(document: object) -> Answer:
    return lambda provider, request: provider.send(request, document)


def metadata(**changes: object) -> Answer:
    return lambda provider, request: provider.send(request, provider.metadata | changes)


def raw(content: bytes) -> Answer:
    def send(_: Provider, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)

    return send


def endless(_: Provider, request: BaseHTTPRequestHandler) -> None:
    """Send 100 MB, as long as anybody reads."""
    request.send_response(200)
    request.end_headers()
    for _piece in range(1600):
        request.wfile.write(b" " * 65536)


NO_METADATA: dict[str, Answer] = {
    "another issuer": metadata(issuer="https://accounts.evil.example"),
    "a longer issuer": lambda provider, request: provider.send(
        request, provider.metadata | {"issuer": provider.issuer + "/"}
    ),
    "no issuer": metadata(issuer=None),
    "no place of keys": metadata(jwks_uri=None),
    "a list": answers([]),
    "a page": raw(b"<html>"),
    "a name twice": raw(b'{"issuer": "x", "issuer": "y"}'),
    "not there": send_status(404),
    "broken": send_status(500),
    "100 MB": endless,
}
NO_KEYS: dict[str, Answer] = {
    "none": answers({"keys": []}),
    "no set": answers({"key": {}}),
    "broken": send_status(500),
    "a page": raw(b"<html>"),
    "100 MB": endless,
}


@pytest.mark.parametrize("answer", NO_METADATA.values(), ids=NO_METADATA)
def test_metadata_of_no_use_is_503(api: Api, provider: Provider, answer: Answer) -> None:
    provider.instead[METADATA] = answer
    unavailable(api, provider)
    assert provider.count(JWKS) == 0


@pytest.mark.parametrize("answer", NO_KEYS.values(), ids=NO_KEYS)
def test_keys_of_no_use_are_503(api: Api, provider: Provider, answer: Answer) -> None:
    provider.instead[JWKS] = answer
    unavailable(api, provider)


def test_two_keys_of_one_name_are_none(api: Api, provider: Provider) -> None:
    provider.jwks["keys"].append(Key(provider.key.kid).jwk)
    unavailable(api, provider)


def test_two_keys_of_one_name_leave_the_old_ones_in_force(api: Api, provider: Provider) -> None:
    logged_in(api, provider)
    good = provider.token()
    provider.jwks["keys"].append(Key(provider.key.kid).jwk)
    assert status(api, provider, provider.token(header={"kid": "unknown"})) in {401, 503}
    assert status(api, provider, good) == 200


@pytest.mark.parametrize("path", [METADATA, JWKS])
def test_no_redirect_is_followed(api: Api, provider: Provider, clock: TestClock, path: str) -> None:
    other = Provider(clock)
    with serving(other):
        location = other.issuer + path
        provider.instead[path] = send_status(302, Location=location)
        unavailable(api, provider)
        assert other.asked == []


def test_the_keys_may_be_on_another_origin(api: Api, provider: Provider, clock: TestClock) -> None:
    other = Provider(clock)
    with serving(other):
        other.jwks = provider.jwks
        provider.metadata["jwks_uri"] = f"{other.issuer}{JWKS}"
        assert status(api, provider) == 200
        assert (other.asked, provider.asked) == ([JWKS], [METADATA])


@pytest.mark.parametrize(
    "url",
    [
        *("http://keys.example/keys", "file:///etc/passwd", "//127.0.0.1/keys", "/keys", "", 5),
        *("https://user:password@127.0.0.1/keys", "https://", "http://127.0.0.1:0/", "https://[x"),
    ],
    ids=str,
)
def test_a_place_that_is_not_safe_is_not_asked(api: Api, provider: Provider, url: object) -> None:
    provider.metadata["jwks_uri"] = url
    unavailable(api, provider)
    assert provider.asked == [METADATA]
    (link,) = api.app.state.runtime.providers._links.values()
    assert "names no jwks_uri to be fetched" in str(link.status().problem)


def test_one_that_was_down_is_asked_again(make_api: MakeApi, clock: TestClock) -> None:
    provider = Provider(clock)
    with serving(provider):
        pass
    api = make_api(identity_providers=[provider.setting], **NO_LIMITS)
    unavailable(api, provider)
    unavailable(api, provider)
    port = int(provider.issuer.rpartition(":")[2])
    with serving(provider, port):
        until(lambda: status(api, provider) == 200, seconds=PATIENCE, every=0.1)


def test_known_keys_last_through_an_outage_of_an_hour(make_api: MakeApi, clock: TestClock) -> None:
    provider = Provider(clock)
    with serving(provider):
        api = make_api(identity_providers=[provider.setting], **NO_LIMITS)
        logged_in(api, provider)
    clock.advance(3000)
    logged_in(api, provider)
    # One whose key is not known may be good.
    until(lambda: status(api, provider, unknown(provider)) == 503, seconds=PATIENCE, every=0.2)
    clock.advance(601)
    unavailable(api, provider)
    with serving(provider, int(provider.issuer.rpartition(":")[2])):
        until(lambda: status(api, provider) == 200, seconds=PATIENCE, every=0.1)


def unknown(provider: Provider) -> str:
    return provider.token(header={"kid": "unknown"})


def test_an_application_that_is_closed_can_begin_again(api: Api, provider: Provider) -> None:
    logged_in(api, provider)
    api.app.state.runtime.providers.close()
    logged_in(api, provider)
    assert provider.count(METADATA) == 2


def test_no_answer_tells_what_the_provider_said(api: Api, provider: Provider) -> None:
    provider.instead[METADATA] = answers({"issuer": "a-hidden-name"})
    assert "hidden" not in json.dumps(log_in(api, provider).json())
