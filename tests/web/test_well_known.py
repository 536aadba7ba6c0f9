"""What other services are told: the JWK Set (RFC 7517) and the metadata (RFC 8414)."""

import httpx
import pytest

from authapi.services.keys.rotation import mark_compromised, rotate_key
from authapi.web.runtime import Runtime
from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only

pytestmark = sqlite_only

JWKS = "/.well-known/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"
PASSKEYS = "/.well-known/passkey-endpoints"
PUBLIC_URL = "https://auth.example/base"
# RFC 7518 section 6: what only the owner of a key may know.
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def runtime_of(api: Api) -> Runtime:
    runtime: Runtime = api.app.state.runtime
    return runtime


def keys_of(api: Api) -> list[dict[str, str]]:
    return list(api.expect(200, "GET", JWKS).json()["keys"])


@pytest.mark.parametrize(
    ("algorithm", "members"),
    [
        ("ES256", {"kty": "EC", "crv": "P-256"}),
        ("EdDSA", {"kty": "OKP", "crv": "Ed25519"}),
        ("RS256", {"kty": "RSA"}),
    ],
)
def test_a_key_is_named_with_its_algorithm_and_use_and_no_private_member(
    make_api: MakeApi, algorithm: str, members: dict[str, str]
) -> None:
    api = make_api(signing_algorithm=algorithm)
    [jwk] = keys_of(api)
    assert jwk.items() >= {**members, "alg": algorithm, "use": "sig"}.items()
    assert jwk["kid"] == runtime_of(api).tokens.keys.ring.published()[0].kid
    assert not jwk.keys() & PRIVATE_MEMBERS


def test_a_secret_key_is_not_published(make_api: MakeApi) -> None:
    api = make_api(signing_algorithm="HS256")
    assert keys_of(api) == []
    assert "jwks_uri" not in api.expect(200, "GET", METADATA).json()


def test_a_next_key_is_published_before_it_signs(make_api: MakeApi) -> None:
    api = make_api()
    [active] = keys_of(api)
    runtime = runtime_of(api)
    waiting = rotate_key(runtime.db, runtime.settings, at_once=False)
    runtime.poll.poll()
    assert [jwk["kid"] for jwk in keys_of(api)] == [waiting.kid, active["kid"]]


def test_a_compromised_key_is_not_published(make_api: MakeApi) -> None:
    api = make_api()
    [stolen] = keys_of(api)
    runtime = runtime_of(api)
    mark_compromised(runtime.db, runtime.settings, stolen["kid"])
    runtime.poll.poll()
    assert stolen["kid"] not in [jwk["kid"] for jwk in keys_of(api)]


@pytest.mark.parametrize(
    ("delay", "cache_control"),
    [(600, "public, max-age=300"), (3, "public, max-age=1"), (1, "no-cache"), (0, "no-cache")],
)
def test_the_jwk_set_may_be_cached_for_half_the_publishing_delay(
    make_api: MakeApi, delay: int, cache_control: str
) -> None:
    response = make_api(key_publish_delay=delay).expect(200, "GET", JWKS)
    assert response.headers["cache-control"] == cache_control


@pytest.mark.parametrize("path", [JWKS, METADATA, PASSKEYS])
def test_whoever_has_the_document_is_not_sent_it_again(make_api: MakeApi, path: str) -> None:
    api = make_api()
    first = api.expect(200, "GET", path)
    etag = first.headers["etag"]
    for given in (etag, f'"another", W/{etag}', "*"):
        again = api.expect(304, "GET", path, headers={"If-None-Match": given})
        assert again.content == b""
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == first.headers["cache-control"]


@pytest.mark.parametrize("path", [JWKS, METADATA, PASSKEYS])
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
def test_it_is_only_read(make_api: MakeApi, path: str, method: str) -> None:
    answer = make_api().client.request(method, path)
    if method == "HEAD":
        assert (answer.status_code, answer.content) == (200, b"")
    else:
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


def test_a_new_key_changes_the_etag(make_api: MakeApi) -> None:
    api = make_api()
    etag = api.expect(200, "GET", JWKS).headers["etag"]
    runtime = runtime_of(api)
    rotate_key(runtime.db, runtime.settings, at_once=False)
    runtime.poll.poll()
    api.expect(200, "GET", JWKS, headers={"If-None-Match": etag})


def test_two_processes_give_the_same_document(make_api: MakeApi) -> None:
    first, second = make_api(), make_api()
    one, other = first.expect(200, "GET", JWKS), second.expect(200, "GET", JWKS)
    assert (one.content, one.headers["etag"]) == (other.content, other.headers["etag"])


def test_the_issuer_is_the_public_url_exactly(make_api: MakeApi) -> None:
    api = make_api(public_url=PUBLIC_URL)
    tokens = api.register_and_login()
    assert api.expect(200, "GET", METADATA).json()["issuer"] == PUBLIC_URL
    assert runtime_of(api).verifier.verify(tokens.access).raw["iss"] == PUBLIC_URL


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp"},
        {"Forwarded": "host=evil.example;proto=ftp"},
    ],
)
def test_no_request_changes_an_address(make_api: MakeApi, headers: dict[str, str]) -> None:
    api = make_api(public_url=PUBLIC_URL)
    plain = api.expect(200, "GET", METADATA)
    assert api.expect(200, "GET", METADATA, headers=headers).content == plain.content
    assert b"evil" not in plain.content


def test_every_advertised_address_answers(make_api: MakeApi) -> None:
    api = make_api(public_url=PUBLIC_URL)
    document = api.expect(200, "GET", METADATA).json()
    addresses = {
        name: url for name, url in document.items() if name.endswith(("_uri", "_endpoint"))
    }
    assert set(addresses) == {"jwks_uri", "revocations_uri"}
    for url in addresses.values():
        assert url.startswith(f"{PUBLIC_URL}/")
        api.expect(200, "GET", url.removeprefix(PUBLIC_URL))


def test_the_metadata_names_no_flow_that_is_not_there(make_api: MakeApi) -> None:
    api = make_api()
    document = api.expect(200, "GET", METADATA).json()
    assert document["response_types_supported"] == []
    assert document["grant_types_supported"] == []
    assert api.client.post("/oauth2/token").status_code == httpx.codes.NOT_FOUND
