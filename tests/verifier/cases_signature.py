"""Tokens with another algorithm, key or signature than the issuer's (RFC 8725 2.1 to 2.3)."""

import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.verifier.case import ASYMMETRIC, EXTENSION, NO_KEY, SIGNATURE, Case, show, with_header
from tests.verifier.signer import ABSENT, Signer, encode, foreign_key, part

NO_ALG = "the header has no alg"
NO_KID = "the header has no kid"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_PRIME = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


def _unsigned(signer: Signer, alg: object, signature: str = "") -> str:
    return f"{part(signer.header(alg=alg))}.{part(signer.claims())}.{signature}"


def _other_algorithm(algorithm: str) -> Case:
    """Signed by the attacker with a key of the other algorithm, under the issuer's kid."""

    def make(signer: Signer) -> str:
        return replace(signer, algorithm=algorithm, private=foreign_key(algorithm)).token()

    others = tuple(name for name in (*ASYMMETRIC, "HS256") if name != algorithm)
    return Case(f"{algorithm} with a key of the attacker's", make, NO_KEY, others)


def _none(alg: str, signature: str = "") -> Case:
    return Case(f"alg {alg!r}, {signature!r}", lambda s: _unsigned(s, alg, signature), NO_KEY)


NONE = ("none", "None", "NONE", "nOnE", "none ", "\0none", "n\u043ene")
NO_NAMES = (ABSENT, None, "", 0, True, ["ES256"], ["none"], {"ES256": 1}, 1.5)
OTHERS = (
    *("ES384", "ES512", "ES256K", "PS256", "RS512", "HS384", "HS512", "Ed25519", "Ed448"),
    *("none", "dir", "RSA1_5", "A128KW", "sha256", "*"),
)

ALG: list[Case] = [
    *(_none(alg) for alg in NONE),
    _none("none", "AAAA"),
    *(with_header(f"alg {show(alg)}", NO_ALG, alg=alg) for alg in NO_NAMES),
    *(with_header(f"alg {alg!r}", NO_KEY, alg=alg) for alg in OTHERS),
    Case("signature removed", lambda s: _unsigned(s, s.algorithm), SIGNATURE),
    Case("alg in lower case", lambda s: s.token_with_header(alg=s.algorithm.lower()), NO_KEY),
    Case("alg and a space", lambda s: s.token_with_header(alg=s.algorithm + " "), NO_KEY),
    *(_other_algorithm(algorithm) for algorithm in ("ES256", "EdDSA", "RS256", "HS256", "PS256")),
]


def _encoded(signer: Signer, encoding: Encoding, form: PublicFormat) -> bytes:
    assert not isinstance(signer.public, bytes)
    return signer.public.public_bytes(encoding, form)


def _pem(signer: Signer) -> bytes:
    return _encoded(signer, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _jwk(signer: Signer) -> dict[str, Any]:
    algorithm = jwt.get_algorithm_by_name(signer.algorithm)
    return dict(algorithm.to_jwk(signer.public, as_dict=True))


def _raw(signer: Signer) -> bytes:
    """x || y, the Ed25519 point, or the modulus."""
    match signer.algorithm:
        case "ES256":
            return _encoded(signer, Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        case "EdDSA":
            return _encoded(signer, Encoding.Raw, PublicFormat.Raw)
    assert isinstance(signer.public, RSAPublicKey)
    return signer.public.public_numbers().n.to_bytes(signer.public.key_size // 8, "big")


PUBLIC_KEY_TEXTS: dict[str, Callable[[Signer], bytes]] = {
    "PEM": _pem,
    "PEM without its last line feed": lambda s: _pem(s).rstrip(b"\n"),
    "PEM with CRLF": lambda s: _pem(s).replace(b"\n", b"\r\n"),
    "PEM in one line": lambda s: _pem(s).replace(b"\n", b""),
    "DER": lambda s: _encoded(s, Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "SSH": lambda s: _encoded(s, Encoding.OpenSSH, PublicFormat.OpenSSH),
    "JWK": lambda s: json.dumps(_jwk(s)).encode(),
    "JWK without spaces": lambda s: json.dumps(_jwk(s), separators=(",", ":")).encode(),
    "raw bytes": _raw,
    "raw bytes in base64url": lambda s: encode(_raw(s)).encode(),
    "its kid": lambda s: s.kid.encode(),
    "nothing": lambda _: b"",
}


def _hmac_with(text: Callable[[Signer], bytes], digest: str, name: str) -> Case:
    """The public key taken for an HMAC secret (CVE-2022-29217, CVE-2024-33663)."""

    def make(signer: Signer) -> str:
        signing_input = _unsigned(signer, f"HS{digest[3:]}")[:-1]
        signature = hmac.digest(text(signer), signing_input.encode(), digest)
        return f"{signing_input}.{encode(signature)}"

    return Case(f"HS{digest[3:]} with the public key as {name}", make, NO_KEY, ASYMMETRIC)


CONFUSION = [
    _hmac_with(text, digest, name)
    for name, text in PUBLIC_KEY_TEXTS.items()
    for digest in ("sha256", "sha384", "sha512")
]


def _empty_secret(kid: str) -> Case:
    """kid led to a known file, here an empty one (PortSwigger's lab on path traversal)."""

    def make(signer: Signer) -> str:
        header = signer.header(alg="HS256", kid=kid)
        signing_input = f"{part(header)}.{part(signer.claims())}"
        return f"{signing_input}.{encode(hmac.digest(b'', signing_input.encode(), 'sha256'))}"

    return Case(f"kid {kid!r}, signed with nothing", make, NO_KEY)


def _brings_its_key(name: str, value: Callable[[Signer], object], kid: object = None) -> Case:
    """Signed by the attacker, whose key the header offers (CVE-2018-0114)."""

    def make(signer: Signer) -> str:
        forger = signer.with_another_key()
        header = signer.header(**{name: value(forger)}, **({} if kid is None else {"kid": kid}))
        return forger.sign(header, signer.claims())

    return Case(f"brings {name}, kid {kid!r}", make, SIGNATURE if kid is None else NO_KEY)


EVIL = "https://evil.example/jwks.json"
NO_KIDS: tuple[object, ...] = (ABSENT, None, "", 0, 1, True, [], ["k"], {"k": 1})
KIDS = (
    *("unknown", "*", "%", ".", "../../dev/null", "/dev/null", "\0", "|ls", "k" * 5000),
    *(
        "' OR '1'='1",
        "x' UNION SELECT 'AA';--",
        "*)(uid=*",
        "http://127.0.0.1/",
        "${jndi:ldap://x}",
    ),
)
CRIT: tuple[object, ...] = (["bork"], [], "x", [1], ["exp"], ["alg"], ["b64"], None, {}, False, 0)

KID: list[Case] = [
    *(with_header(f"kid {show(kid)}", NO_KID, kid=kid) for kid in NO_KIDS),
    *(with_header(f"kid {show(kid)}", NO_KEY, kid=kid) for kid in KIDS),
    Case("kid and NUL", lambda s: s.token_with_header(kid=s.kid + "\0"), NO_KEY),
    Case("kid and a space", lambda s: s.token_with_header(kid=s.kid + " "), NO_KEY),
    Case("kid in other case", lambda s: s.token_with_header(kid=s.kid.swapcase()), NO_KEY),
    *(_empty_secret(kid) for kid in ("../../../../dev/null", "/dev/null")),
    Case("another key", lambda s: s.with_another_key().token(), SIGNATURE),
    _brings_its_key("jwk", _jwk),
    _brings_its_key("jwk", lambda s: _jwk(s) | {"kid": s.kid}),
    _brings_its_key("jwk", _jwk, kid="evil"),
    _brings_its_key("jku", lambda _: EVIL),
    _brings_its_key("jku", lambda _: EVIL, kid="evil"),
    _brings_its_key("x5u", lambda _: EVIL),
    _brings_its_key("x5c", lambda s: [_pem_or_text(s)]),
    *(with_header(f"crit {show(crit)}", EXTENSION, crit=crit) for crit in CRIT),
    with_header("b64 false", EXTENSION, b64=False, crit=["b64"]),
    with_header("b64 false, not critical", EXTENSION, b64=False),
    with_header("zip", EXTENSION, zip="DEF"),
    with_header("enc", EXTENSION, enc="A256GCM"),
]


def _pem_or_text(signer: Signer) -> str:
    return "text" if signer.algorithm == "HS256" else _pem(signer).decode()


def _signed_as(name: str, change: Callable[[bytes], bytes], *algorithms: str) -> Case:
    """A genuine token whose signature was changed."""

    def make(signer: Signer) -> str:
        header, payload, signature = signer.token().split(".")
        algorithm = jwt.get_algorithm_by_name(signer.algorithm)
        raw = algorithm.sign(f"{header}.{payload}".encode(), signer.private)
        assert len(encode(raw)) == len(signature)
        return f"{header}.{payload}.{encode(change(raw))}"

    return Case(f"signature {name}", make, SIGNATURE, algorithms or (*ASYMMETRIC, "HS256"))


def _es256(name: str, r: int, s: int) -> Case:
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return _signed_as(f"of r, s = {name}", lambda _: raw, "ES256")


def _in_der(raw: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


EDGES = {"0": 0, "1": 1, "n": P256_ORDER, "n-1": P256_ORDER - 1, "n+1": P256_ORDER + 1}
EDGES |= {"p": P256_PRIME, "2^256-1": 2**256 - 1}

SIGNATURES = [
    _signed_as("cut by a byte", lambda raw: raw[:-1]),
    _signed_as("longer by a byte", lambda raw: raw + b"\0"),
    _signed_as("after a zero byte", lambda raw: b"\0" + raw),
    _signed_as("twice", lambda raw: raw * 2),
    _signed_as("of zeros", lambda raw: bytes(len(raw))),
    _signed_as("of ones", lambda raw: b"\xff" * len(raw)),
    _signed_as("of one byte", lambda _: b"\0"),
    _signed_as("halves swapped", lambda raw: raw[len(raw) // 2 :] + raw[: len(raw) // 2]),
    _signed_as("reversed", lambda raw: raw[::-1]),
    _signed_as("in DER", _in_der, "ES256"),
    _signed_as("zero before s", lambda raw: raw[:32] + b"\0" + raw[32:], "ES256"),
    _signed_as("of 63 bytes", lambda raw: raw[:63], "ES256", "EdDSA"),
    _signed_as("r only", lambda raw: raw[:32], "ES256", "EdDSA"),
    _signed_as("of P-384's length", lambda raw: raw[:32] + bytes(16) + raw[32:] + bytes(16)),
    _signed_as("first 16 bytes", lambda raw: raw[:16], "HS256"),
    *(_es256(f"{r}, {s}", EDGES[r], EDGES[s]) for r in EDGES for s in EDGES),
    Case(
        "signature of another genuine token",
        lambda s: ".".join([*s.token().split(".")[:2], s.token(jti="x").split(".")[2]]),
        SIGNATURE,
    ),
]
