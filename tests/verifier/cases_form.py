"""Tokens that are not the compact form of RFC 7515 section 7.1, or spell it in a second way."""

import json
import zlib
from collections.abc import Callable

from tests.verifier.case import BASE64, HEADER_JSON, PAYLOAD_JSON, THREE_PARTS, Case
from tests.verifier.signer import Signer, encode, part

TOO_LONG = "the token is longer than 8 KiB"
NOT_ASCII = "the token is not ASCII"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _json_serialization(signer: Signer) -> str:
    protected, payload, signature = signer.token().split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def _zip_bomb(_signer: Signer) -> str:
    bomb = encode(zlib.compress(bytes(1_000_000)))
    header = part({"alg": "dir", "enc": "A256GCM", "zip": "DEF"})
    return f"{header}..{encode(bytes(12))}.{bomb}.{encode(bytes(16))}"


def _parts(signer: Signer, count: int) -> str:
    return ".".join((signer.token().split(".") * 2)[:count])


def _respelled(number: int, respell: Callable[[str], str], name: str) -> Case:
    """A part in another spelling, and signed like that where it can be."""

    def make(signer: Signer) -> str:
        padding = b" "
        parts = [part(signer.header()), part(signer.claims()), ""]
        while number < 2 and len(parts[number]) % 4 == 0:  # no unused bits to set
            content = signer.claims() if number else signer.header()
            parts[number] = part(json.dumps(content).encode() + padding)
            padding += b" "
        if number < 2:
            parts[number] = respell(parts[number])
            return signer.sign_parts(*parts[:2])
        header, payload, signature = signer.token().split(".")
        return f"{header}.{payload}.{respell(signature)}"

    return Case(f"part {number}, {name}", make, BASE64)


def _with_unused_bits(spelled: str) -> str:
    return spelled[:-1] + ALPHABET[ALPHABET.index(spelled[-1]) + 1]


FORM = [
    Case("empty", lambda _: "", THREE_PARTS),
    Case("one part", lambda s: _parts(s, 1), THREE_PARTS),
    Case("two parts", lambda s: _parts(s, 2), THREE_PARTS),
    Case("four parts", lambda s: _parts(s, 4), THREE_PARTS),
    Case("six parts", lambda s: _parts(s, 6), THREE_PARTS),
    Case("dots only", lambda _: "..", HEADER_JSON),
    Case("a dot before", lambda s: "." + s.token(), THREE_PARTS),
    Case("a dot after", lambda s: s.token() + ".", THREE_PARTS),
    Case("8 KiB of dots", lambda _: "." * 8192, THREE_PARTS),
    Case("a JWE with zip", _zip_bomb, THREE_PARTS),
    Case("JSON serialization", _json_serialization, THREE_PARTS),
    Case("twice the token", lambda s: f"{s.token()},{s.token()}", THREE_PARTS),
    Case("one byte over 8 KiB", lambda s: s.token().ljust(8193, "A"), TOO_LONG),
    Case("genuine but over 8 KiB", lambda s: s.token(padding="x" * 8192), TOO_LONG),
    Case("one megabyte", lambda s: s.token() + "A" * 1_000_000, TOO_LONG),
    Case("a letter beyond ASCII", lambda s: s.token() + "é", NOT_ASCII),
    Case("full-width letters", lambda s: "\uff45" + s.token()[1:], NOT_ASCII),
    Case("a lone surrogate", lambda s: s.token() + "\ud800", NOT_ASCII),
    *(
        _respelled(number, change.format, repr(change))
        for number in range(3)
        for change in (
            *("{}=", "{}==", "={}", " {}", "{} ", "\n{}", "{}\n", "{}\r\n", "\t{}"),
            *("{}\0", "{}+", "{}/", "{}%3D", "{}~", "{}!"),
        )
    ),
    *(_respelled(number, _with_unused_bits, "unused bits set") for number in range(3)),
    Case("quoted", lambda s: f'"{s.token()}"', BASE64),
    Case("Bearer again", lambda s: f"Bearer {s.token()}", BASE64),
]


def _header(name: str, raw: bytes, reason: str = HEADER_JSON) -> Case:
    return Case(f"header {name}", lambda s: s.sign(raw, s.claims()), reason)


def _header_text(name: str, text: str, reason: str = HEADER_JSON) -> Case:
    """`ALG` and `KID` in the text stand for the signer's own."""

    def make(signer: Signer) -> str:
        own = text.replace("ALG", signer.algorithm).replace("KID", signer.kid)
        return signer.sign(own.encode(), signer.claims())

    return Case(f"header {name}", make, reason)


def _payload_bytes(raw: bytes) -> Case:
    reason = "the payload is not a JSON object"
    return Case(f"payload {raw!r}", lambda s: s.sign(s.header(), raw), reason)


def _payload(name: str, encoding: str, before: bytes = b"", after: bytes = b"") -> Case:
    def make(signer: Signer) -> str:
        return signer.sign(
            signer.header(), before + json.dumps(signer.claims()).encode(encoding) + after
        )

    return Case(f"payload {name}", make, PAYLOAD_JSON)


def _payload_with(name: str, members: str) -> Case:
    """A genuine token whose payload begins with these members."""

    def make(signer: Signer) -> str:
        text = "{" + members + ", " + json.dumps(signer.claims())[1:]
        return signer.sign(signer.header(), text.encode("utf-8", "surrogatepass"))

    return Case(f"payload with {name}", make, PAYLOAD_JSON)


def _in_utf16(signer: Signer) -> str:
    return signer.sign(json.dumps(signer.header()).encode("utf-16"), signer.claims())


JSON = [
    _header("not JSON", b"at+jwt"),
    _header("empty", b""),
    _header("in a list", b'[{"alg":"none"}]', "the header is not a JSON object"),
    _header("as a string", b'"alg"', "the header is not a JSON object"),
    _header("of bytes that are not UTF-8", b'{"alg":"\xff"}'),
    _header("nested 2000 deep", b'{"alg":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    _header_text("alg twice", '{"alg":"ALG","kid":"KID","typ":"at+jwt","alg":"ALG"}'),
    _header_text("alg, then none", '{"alg":"ALG","kid":"KID","typ":"at+jwt","alg":"none"}'),
    _header_text("none, then alg", '{"alg":"none","kid":"KID","typ":"at+jwt","alg":"ALG"}'),
    _header_text("alg again by escape", '{"alg":"ALG","kid":"KID","typ":"at+jwt","\\u0061lg":"x"}'),
    _header_text(
        "a name twice deep inside", '{"alg":"ALG","kid":"KID","typ":"at+jwt","x":[{"a":1,"a":1}]}'
    ),
    _header_text("with NaN", '{"alg":"ALG","kid":"KID","typ":"at+jwt","x":NaN}'),
    _header_text("with more after it", '{"alg":"ALG","kid":"KID","typ":"at+jwt"}{}'),
    _header_text("with a comment", '{"alg":"ALG","kid":"KID","typ":"at+jwt"/**/}'),
    _header_text("with a comma too many", '{"alg":"ALG","kid":"KID","typ":"at+jwt",}'),
    _header_text(
        "in other letters", '{"Alg":"ALG","kid":"KID","typ":"at+jwt"}', "the header has no alg"
    ),
    Case("header in UTF-16", _in_utf16, HEADER_JSON),
    *(_payload_bytes(raw) for raw in (b"[]", b"null", b"true", b"1", b'"text"')),
    Case("payload empty", lambda s: s.sign(s.header(), b""), PAYLOAD_JSON),
    _payload("in UTF-16", "utf-16"),
    _payload("in UTF-16 LE", "utf-16-le"),
    _payload("in UTF-16 BE", "utf-16-be"),
    _payload("in UTF-32", "utf-32"),
    _payload("after a byte order mark", "utf-8-sig"),
    _payload("and more", "utf-8", after=b"{}"),
    _payload("and NUL", "utf-8", after=b"\0"),
    _payload("behind a bracket", "utf-8", before=b"["),
    _payload_with("exp twice", '"exp": 99999999999'),
    _payload_with("sub twice", '"sub": "another"'),
    _payload_with("sub twice, once by escape", '"s\\u0075b": "another"'),
    _payload_with("a name twice deep inside", '"a": [{"b": {"c": 1, "c": 1}}]'),
    _payload_with("NaN", '"a": NaN'),
    _payload_with("Infinity", '"a": [-Infinity]'),
    _payload_with("a number beyond floats", '"a": 1e400'),
    _payload_with("400 digits", f'"a": {"9" * 400}'),
    _payload_with("5000 digits", f'"a": {"9" * 5000}'),
    _payload_with("21 digits", f'"a": {"9" * 21}'),
    _payload_with("an Arabic digit", '"a": \u0663'),
    _payload_with("a leading zero", '"a": 01'),
    _payload_with("lists 2500 deep", '"a": ' + "[" * 2500 + "]" * 2500),
    _payload_with("objects 900 deep", '"a": ' + '{"":' * 900 + "0" + "}" * 900),
    _payload_with("lists 32 deep in the object", '"a": ' + "[" * 32 + "]" * 32),
    _payload_with("a line break in a string", '"a": "\n"'),
    _payload_with("a lone surrogate by escape", '"a": "\\ud800"'),
    _payload_with("a lone surrogate as a name", '"\\udc00": 1'),
    _payload_with("a lone surrogate in bytes", '"a": "\ud800"'),
    _payload_with("single quotes", "'a': 1"),
]
