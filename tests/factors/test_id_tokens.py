"""Which ID tokens are accepted: each claim, the header, the nonce."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.api import Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only
from tests.support.logging import Log, captured
from tests.support.provider import AUDIENCE, JWKS, Key, Provider, log_in, serving

pytestmark = sqlite_only
OTHER = "another-client-id"


@pytest.fixture
def log() -> Iterator[Log]:
    with captured("json") as log:
        yield log


@pytest.fixture
def api(make_api: MakeApi, provider: Provider) -> Api:
    return make_api(identity_providers=[provider.setting], limit_login_address="")


GOOD = {
    "several audiences, with azp": {"aud": [OTHER, AUDIENCE], "azp": AUDIENCE},
    "a list of one": {"aud": [AUDIENCE]},
    "azp": {"azp": AUDIENCE},
    "a long sub": {"sub": "s" * 255},
    "a spelled-out true": {"email_verified": "true"},
    "claims of others": {"at_hash": "x", "hd": "example.com", "auth_time": 1},
}
# Each with a part of the reason that the log has.
BAD = {
    "for another": ({"aud": OTHER}, "aud names none"),
    "for others": ({"aud": [OTHER, "x"], "azp": AUDIENCE}, "aud names none"),
    "a part of the audience": ({"aud": AUDIENCE[:-1]}, "aud names none"),
    "no aud": ({"aud": None}, "aud is missing"),
    "aud a list of numbers": ({"aud": [AUDIENCE, 1]}, "aud is missing"),
    "several, no azp": ({"aud": [AUDIENCE, OTHER]}, "no azp"),
    "azp another": ({"azp": OTHER}, "azp is none"),
    "azp another of several": ({"aud": [AUDIENCE, OTHER], "azp": OTHER}, "azp is none"),
    "azp a list": ({"azp": [AUDIENCE]}, "azp is malformed"),
    "another issuer": ({"iss": "https://accounts.evil.example"}, "iss names"),
    "no issuer": ({"iss": None}, "iss is missing"),
    "issuers": ({"iss": ["http://127.0.0.1"]}, "iss is missing"),
    "no sub": ({"sub": None}, "sub is missing"),
    "an empty sub": ({"sub": ""}, "sub is missing"),
    "a longer sub": ({"sub": "s" * 256}, "sub is missing"),
    "a sub with a line break": ({"sub": "a\nb"}, "sub is missing"),
    "a number as sub": ({"sub": 7}, "sub is missing"),
    "no exp": ({"exp": None}, "exp is missing"),
    "exp as text": ({"exp": "99999999999"}, "exp is missing"),
    "exp true": ({"exp": True}, "exp is missing"),
    "exp with a fraction": ({"exp": 1_900_000_000.5}, "exp is missing"),
    "no iat": ({"iat": None}, "iat is missing"),
    "a log-out token": ({"events": {}}, "log-out token"),
}
TIMES = {
    "expired": ({"exp": 0}, "has expired"),
    "old": ({"iat": -601}, "ten minutes ago"),
    "of tomorrow": ({"iat": 86400}, "in the future"),
    "not before tomorrow": ({"nbf": 86400}, "in the future"),
}


def refusal(api: Api, provider: Provider, token: str, **more: object) -> str:
    answer = log_in(api, provider, token, **more)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    return answer.text


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_a_good_token_is_accepted(api: Api, provider: Provider, changes: dict[str, Any]) -> None:
    answer = log_in(api, provider, provider.token(**changes))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "jwt"}, {"typ": None}], ids=str)
def test_the_type_may_be_jwt_or_missing(
    api: Api, provider: Provider, header: dict[str, str | None]
) -> None:
    assert log_in(api, provider, provider.token(header=header)).status_code == 200


def test_a_token_may_be_ten_minutes_old(api: Api, provider: Provider, clock: TestClock) -> None:
    token = provider.token(iat=int(clock()) - 599)
    assert log_in(api, provider, token).status_code == 200


@pytest.mark.parametrize(("changes", "reason"), BAD.values(), ids=BAD)
def test_a_bad_claim_is_refused(
    api: Api, provider: Provider, log: Log, changes: dict[str, Any], reason: str
) -> None:
    wrong = api.client.post("/login", json={"email": "nobody@example.com", "password": "x" * 9})
    assert refusal(api, provider, provider.token(**changes)) == wrong.text
    assert reason in str(log.event("id_token_refused"))


@pytest.mark.parametrize(("changes", "reason"), TIMES.values(), ids=TIMES)
def test_a_token_out_of_time_is_refused(
    api: Api, provider: Provider, log: Log, changes: dict[str, Any], reason: str
) -> None:
    now = int(provider.clock())
    token = provider.token(**{name: now + value for name, value in changes.items()})
    refusal(api, provider, token)
    assert reason in str(log.event("id_token_refused"))


@pytest.mark.parametrize(
    ("claim", "seconds", "status"),
    [("exp", -4, 200), ("exp", -6, 401), ("iat", -604, 200), ("iat", -607, 401)],
)
def test_the_leeway_of_the_setting_counts_here_too(
    make_api: MakeApi, provider: Provider, claim: str, seconds: int, status: int
) -> None:
    api = make_api(identity_providers=[provider.setting], clock_leeway=5)
    changes: dict[str, Any] = {claim: int(provider.clock()) + seconds}
    assert log_in(api, provider, provider.token(**changes)).status_code == status


SENT = "a nonce of the app"
DIGEST = hashlib.sha256(SENT.encode())
IN_BASE64 = urlsafe_b64encode(DIGEST.digest()).rstrip(b"=").decode()


@pytest.mark.parametrize("said", [SENT, DIGEST.hexdigest(), IN_BASE64])
def test_a_nonce_is_as_sent_or_its_digest(api: Api, provider: Provider, said: str) -> None:
    assert log_in(api, provider, provider.token(nonce=said), nonce=SENT).status_code == 200


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (SENT, None),
        (None, SENT),
        (SENT, "another"),
        (SENT, DIGEST.hexdigest()),  # only the request's may be the longer secret
        (DIGEST.hexdigest().upper(), SENT),
        (hashlib.sha256(b"another").hexdigest(), SENT),
        ("", SENT),
        (7, SENT),
    ],
)
def test_any_other_nonce_is_refused(
    api: Api, provider: Provider, said: object, sent: str | None
) -> None:
    token = provider.token(nonce=said)
    refusal(api, provider, token, **({"nonce": sent} if sent else {}))


def test_an_empty_nonce_is_no_nonce(api: Api, provider: Provider) -> None:
    assert log_in(api, provider, provider.token(nonce=""), nonce="").status_code == 422


def public_forms(key: Key) -> list[bytes]:
    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [pem, pem.strip(), der, json.dumps(key.jwk).encode(), b"", b"secret"]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_public_key_is_no_hmac_secret(
    make_api: MakeApi, clock: TestClock, algorithm: str
) -> None:
    provider = Provider(clock, key=Key("first", algorithm))
    with serving(provider):
        api = make_api(identity_providers=[provider.setting])
        assert log_in(api, provider).status_code == 200
        for secret in public_forms(provider.key):
            token = sign_with_hmac(provider.claims(), secret, provider.key.kid)
            refusal(api, provider, token)


def sign_with_hmac(claims: dict[str, object], secret: bytes, kid: str) -> str:
    """Return a token as a forger makes it: PyJWT would not sign with the text of a key."""
    header = {"alg": "HS256", "typ": "JWT", "kid": kid}
    parts = [json.dumps(part).encode() for part in (header, claims)]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret, signed, "sha256")
    return (signed + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_published_secret_is_no_key(api: Api, provider: Provider) -> None:
    secret = b"a secret that the provider has published"
    jwk = {"kty": "oct", "kid": "hmac", "alg": "HS256", "use": "sig"}
    provider.jwks["keys"].append({**jwk, "k": urlsafe_b64encode(secret).decode().rstrip("=")})
    assert log_in(api, provider).status_code == 200
    refusal(api, provider, sign_with_hmac(provider.claims(), secret, "hmac"))


def test_an_unsigned_token_is_refused(api: Api, provider: Provider) -> None:
    token = jwt.encode(provider.claims(), "", "none", {"kid": provider.key.kid})
    refusal(api, provider, token)


def test_another_algorithm_of_the_same_key_is_refused(make_api: MakeApi, clock: TestClock) -> None:
    provider = Provider(clock, key=Key("first", "RS256"))
    with serving(provider):
        api = make_api(identity_providers=[provider.setting])
        for algorithm in ("PS256", "RS384", "RS512"):
            refusal(api, provider, provider.token(header={"alg": algorithm}))
        assert log_in(api, provider).status_code == 200


@pytest.mark.parametrize("said", ["RS256", "HS256", "none", "es256"])
def test_a_header_that_names_another_algorithm_is_refused(
    api: Api, provider: Provider, said: str
) -> None:
    header = {"alg": said, "kid": provider.key.kid}
    parts = [json.dumps(part).encode() for part in (header, provider.claims())]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = jwt.get_algorithm_by_name("ES256").sign(signed, provider.key.private)
    refusal(api, provider, f"{signed.decode()}.{urlsafe_b64encode(signature).decode().rstrip('=')}")


@pytest.mark.parametrize("typ", ["at+jwt", "rt+jwt", "logout+jwt", "JWS", 5], ids=str)
def test_another_type_of_token_is_refused(api: Api, provider: Provider, typ: object) -> None:
    refusal(api, provider, provider.token(header={"typ": typ}))


def test_a_key_in_the_header_is_never_read(api: Api, provider: Provider) -> None:
    mine = Key(provider.key.kid)
    url = f"{provider.issuer}/mine"
    for header in ({"jwk": mine.jwk}, {"jku": url}, {"x5u": url}, {"x5c": ["MIIB"]}):
        headers = {"kid": mine.kid, **header}
        refusal(api, provider, jwt.encode(provider.claims(), mine.private, "ES256", headers))
    assert provider.count("/mine") == 0


@pytest.mark.parametrize("header", [{"crit": ["x"]}, {"zip": "DEF"}, {"b64": False}], ids=str)
def test_an_extension_is_refused(api: Api, provider: Provider, header: dict[str, object]) -> None:
    refusal(api, provider, provider.token(header=header))


def test_a_token_never_chooses_its_issuer(api: Api, provider: Provider, clock: TestClock) -> None:
    evil = Provider(clock)
    with serving(evil):
        refusal(api, provider, evil.token())
        assert evil.asked == []


def test_a_signature_of_another_provider_is_refused(
    make_api: MakeApi, provider: Provider, clock: TestClock
) -> None:
    other = Provider(clock, name="other", key=Key("first"))
    with serving(other):
        api = make_api(identity_providers=[provider.setting, other.setting])
        refusal(api, provider, other.token(iss=provider.issuer))
        refusal(api, other, provider.token(iss=other.issuer))
        assert log_in(api, other).status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "a.b.c.d.e", "é.é.é", "..", "\u0661.a.b"])
def test_what_is_no_token_is_refused(api: Api, provider: Provider, token: str) -> None:
    refusal(api, provider, token)


def test_a_long_token_is_accepted_up_to_a_bound(api: Api, provider: Provider) -> None:
    assert log_in(api, provider, provider.token(groups=["g" * 100] * 100)).status_code == 200
    answer = log_in(api, provider, provider.token(groups=["g" * 100] * 130))
    assert answer.status_code == 422
    assert "ggg" not in answer.text


def test_a_provider_that_is_not_in_the_setting_is_refused(api: Api, provider: Provider) -> None:
    answer = log_in(api, provider, provider="another")
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "provider"])
    assert provider.asked == []


def test_an_altered_token_is_refused(api: Api, provider: Provider) -> None:
    header, _, signature = provider.token().split(".")
    _, payload, _ = provider.token(sub="another").split(".")
    refusal(api, provider, f"{header}.{payload}.{signature}")
    assert provider.count(JWKS) == 1


def test_the_log_has_no_token_and_no_nonce(api: Api, provider: Provider, log: Log) -> None:
    token, nonce = provider.token(nonce="a-secret-nonce"), "a-secret-nonce"
    assert log_in(api, provider, token, nonce=nonce).status_code == 200
    refusal(api, provider, token, nonce="another-secret-nonce")
    unknown = provider.token(header={"kid": "unknown"})
    refusal(api, provider, unknown)
    assert "secret-nonce" not in log.text
    for each in (token, unknown):
        assert not any(part in log.text for part in each.split("."))
