"""decode_compact, for tokens of any type of ours."""

import pytest

from authapi.verifier import InvalidTokenError, VerifyingKey, decode_compact
from authapi.verifier.jws import MAX_TOKEN_BYTES
from tests.verifier.fixtures import key_of, signer_of

SIGNER = signer_of("HS256")
KEYS = {SIGNER.kid: key_of(SIGNER)}
REFRESH = frozenset({"rt+jwt"})


def test_header_and_payload_come_back() -> None:
    token = SIGNER.sign(SIGNER.header(typ="rt+jwt"), {"sid": "s", "n": [1, 2.5, None, True]})
    header, payload = decode_compact(token, KEYS.get, types=REFRESH)
    assert header == {"alg": "HS256", "kid": SIGNER.kid, "typ": "rt+jwt"}
    assert payload == {"sid": "s", "n": [1, 2.5, None, True]}


def test_only_the_given_types_are_accepted() -> None:
    with pytest.raises(InvalidTokenError, match="typ"):
        decode_compact(SIGNER.token(), KEYS.get, types=REFRESH)


def test_the_type_has_no_case() -> None:
    token = SIGNER.token_with_header(typ="RT+jwt")
    assert decode_compact(token, KEYS.get, types=REFRESH)


def test_a_letter_that_only_becomes_ours_in_lower_case_is_another() -> None:
    token = SIGNER.token_with_header(typ="\u212a+jwt")  # the Kelvin sign
    with pytest.raises(InvalidTokenError, match="typ"):
        decode_compact(token, KEYS.get, types=frozenset({"k+jwt"}))


def test_the_header_cannot_be_altered_for_the_next_token() -> None:
    header, _ = decode_compact(SIGNER.token_with_header(typ="rt+jwt"), KEYS.get, types=REFRESH)
    with pytest.raises(TypeError):
        header["alg"] = "none"  # type: ignore[index]


def test_the_finder_is_asked_for_the_headers_kid_once() -> None:
    asked: list[str] = []

    def find(kid: str) -> VerifyingKey | None:
        asked.append(kid)
        return None

    with pytest.raises(InvalidTokenError, match="no key"):
        decode_compact(SIGNER.token_with_header(typ="rt+jwt"), find, types=REFRESH)
    assert asked == [SIGNER.kid]


def test_a_token_of_exactly_8_kib_is_accepted() -> None:
    signer = SIGNER
    base = signer.header(typ="rt+jwt")
    payload = b'{"a":"' + b"x" * 5900 + b'"}'
    while len(signer.sign(base, payload + b" ")) <= MAX_TOKEN_BYTES:
        payload += b" "
    assert MAX_TOKEN_BYTES - len(signer.sign(base, payload)) <= 1
    assert decode_compact(signer.sign(base, payload), KEYS.get, types=REFRESH)
