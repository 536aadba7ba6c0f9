"""Which keys may verify, alone and out of a JWK Set."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authapi.verifier import StaticKeys, VerifyingKey, parse_jwk_set
from tests.verifier.fixtures import signer_of
from tests.verifier.signer import ALGORITHMS

P384 = ec.generate_private_key(ec.SECP384R1())
P256_TWIN = ec.generate_private_key(ec.SECP256K1())
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
ES256, EDDSA, RS256 = (signer_of(name) for name in ("ES256", "EdDSA", "RS256"))


def jwk_of(algorithm: str, **changes: object) -> dict[str, Any]:
    public = signer_of(algorithm).public
    jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(public))
    return {**jwk, "kid": algorithm, "alg": algorithm, **changes}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_what_its_private_part_signed(algorithm: str) -> None:
    signer = signer_of(algorithm)
    key = VerifyingKey("k", algorithm, signer.public)
    signature = jwt.get_algorithm_by_name(algorithm).sign(b"input", signer.private)
    assert key.verify(b"input", signature)
    assert not key.verify(b"other", signature)
    assert not key.verify(b"input", b"")


@pytest.mark.parametrize(
    ("algorithm", "key", "complaint"),
    [
        ("ES256", P384.public_key(), "needs the curve P-256"),
        ("ES256", P256_TWIN.public_key(), "needs the curve P-256"),
        ("ES256", ES256.private, "elliptic-curve public key"),
        ("ES256", EDDSA.public, "elliptic-curve public key"),
        ("ES256", b"k" * 32, "elliptic-curve public key"),
        ("EdDSA", ES256.public, "Ed25519 public key"),
        ("EdDSA", EDDSA.private, "Ed25519 public key"),
        ("EdDSA", ed448.Ed448PrivateKey.generate().public_key(), "Ed25519 public key"),
        ("RS256", SHORT_RSA.public_key(), "at least 2048 bits"),
        ("RS256", RS256.private, "RSA public key"),
        ("RS256", ES256.public, "RSA public key"),
        ("HS256", b"", "at least 32 bytes"),
        ("HS256", b"k" * 31, "at least 32 bytes"),
        ("HS256", "k" * 32, "a secret of bytes"),
        ("HS256", ES256.public, "a secret of bytes"),
        ("none", b"k" * 32, "not one of ES256, EdDSA, RS256, HS256"),
        ("PS256", RS256.public, "not one of"),
        ("es256", ES256.public, "not one of"),
        ("", None, "not one of"),
    ],
)
def test_a_key_that_does_not_fit_its_algorithm_is_refused(
    algorithm: str, key: object, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        VerifyingKey("the-kid", algorithm, key)  # type: ignore[arg-type]
    assert str(refusal.value).startswith("The key 'the-kid' cannot be used: ")


@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.OpenSSH, PublicFormat.OpenSSH),
    ],
)
def test_the_text_of_a_public_key_is_no_secret(encoding: Encoding, form: PublicFormat) -> None:
    assert not isinstance(ES256.public, bytes)
    with pytest.raises(ValueError, match="text of an asymmetric key"):
        VerifyingKey("k", "HS256", ES256.public.public_bytes(encoding, form))


def test_a_jwk_is_no_secret() -> None:
    with pytest.raises(ValueError, match="text of an asymmetric key"):
        VerifyingKey("k", "HS256", json.dumps(jwk_of("ES256")).encode())


def test_a_secret_does_not_show_in_a_representation() -> None:
    assert "kkkk" not in repr(VerifyingKey("k", "HS256", b"k" * 32))


def test_a_jwk_set_gives_its_keys_by_name() -> None:
    jwk_set = {"keys": [jwk_of(name, use="sig") for name in ALGORITHMS]}
    keys = parse_jwk_set(jwk_set, secrets=True)
    assert {kid: key.algorithm for kid, key in keys.items()} == {n: n for n in ALGORITHMS}


def test_a_secret_in_a_public_jwk_set_is_not_taken() -> None:
    jwk_set = {"keys": [jwk_of("ES256"), jwk_of("HS256")]}
    assert set(parse_jwk_set(jwk_set)) == {"ES256"}


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "EC", "crv": "P-384", "alg": "ES384", "kid": "other"},
        {"kty": "AKP", "alg": "ML-DSA-44", "kid": "other"},
        {"kty": "oct", "k": "AAAA", "kid": "other"},
        jwk_of("ES256", kid="other", use="enc"),
        jwk_of("ES256", kid="other", key_ops=["deriveKey"]),
        jwk_of("ES256", kid="other", key_ops="verify"),
        jwk_of("ES256", kid="other", alg=["ES256"]),
        jwk_of("ES256", kid="other", alg=None),
        jwk_of("ES256", kid=""),
        jwk_of("ES256", kid=None),
        jwk_of("ES256", kid=["k"]),
        "text",
        None,
    ],
)
def test_a_key_for_something_else_is_skipped(other: object) -> None:
    assert set(parse_jwk_set({"keys": [other, jwk_of("ES256")]})) == {"ES256"}


@pytest.mark.parametrize(
    "broken",
    [
        jwk_of("ES256", kid="other", x=jwk_of("ES256")["y"]),  # not on the curve
        jwk_of("ES256", kid="other", x="AA", y="AA"),
        jwk_of("ES256", kid="other", crv="P-384"),
        jwk_of("ES256", kid="other", crv="secp256k1"),
        jwk_of("ES256", kid="other", kty="RSA"),
        jwk_of("ES256", kid="other", x=1),
        jwk_of("ES256", kid="other", x=None),
        jwk_of("EdDSA", kid="other", x="AA"),
        jwk_of("EdDSA", kid="other", crv="X25519"),
        jwk_of("RS256", kid="other", e="AA"),
        jwk_of("RS256", kid="other", n=None),
        json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(SHORT_RSA.public_key()))
        | {"kid": "other", "alg": "RS256"},
        json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(ES256.private))
        | {"kid": "other", "alg": "ES256"},
    ],
)
def test_a_key_of_ours_that_is_broken_refuses_the_whole_set(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="The key 'other'"):
        parse_jwk_set({"keys": [jwk_of("ES256"), broken]})


def test_a_name_for_two_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="two keys 'ES256'"):
        parse_jwk_set({"keys": [jwk_of("ES256"), jwk_of("EdDSA", kid="ES256")]})


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}], ids=str)
def test_what_is_no_jwk_set_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="RFC 7517"):
        parse_jwk_set(document)


@pytest.mark.parametrize("keys", [[], [{}], [jwk_of("HS256")]], ids=lambda keys: str(keys)[:30])
def test_a_set_without_a_usable_key_is_refused(keys: list[Any]) -> None:
    with pytest.raises(ValueError, match="holds no key"):
        parse_jwk_set({"keys": keys})


def test_static_keys_do_not_follow_the_mapping_they_came_from() -> None:
    key = VerifyingKey("k", "ES256", ES256.public)
    mapping = {"k": key}
    keys = StaticKeys(mapping)
    mapping.clear()
    assert keys.find("k") is key
    assert keys.find("other") is None
