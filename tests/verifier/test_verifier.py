"""What the verifier remembers, what it asks every time, and what it takes as settings."""

import json
from typing import ClassVar

import jwt
import pytest

from authapi.verifier import (
    Claims,
    InvalidTokenError,
    RevocationSet,
    StaticKeys,
    Verifier,
    VerifierNotReadyError,
    VerifyingKey,
)
from tests.verifier.fixtures import NOW, key_of, signer_of, verifier_for
from tests.verifier.signer import ABSENT, ALGORITHMS

SIGNER = signer_of("ES256")


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Keys:
    """A key source whose keys can go."""

    def __init__(self) -> None:
        self.keys = {SIGNER.kid: key_of(SIGNER)}

    def find(self, kid: str) -> VerifyingKey | None:
        return self.keys.get(kid)


class CountingKeys(Keys):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def find(self, kid: str) -> VerifyingKey | None:
        self.asked += 1
        return super().find(kid)


class CountingKey(VerifyingKey):
    verifications: ClassVar[list[bool]] = []

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        self.verifications.append(super().verify(signing_input, signature))
        return self.verifications[-1]


class NotReady:
    def refuses(self, _claims: Claims) -> bool:
        raise VerifierNotReadyError("revocations were never loaded")


def test_the_claims_say_what_the_token_says() -> None:
    claims = verifier_for(SIGNER).verify(SIGNER.token(tenant="acme"))
    assert claims == Claims(
        sub="the-subject",
        sid="the-session",
        scopes=frozenset({"read", "write"}),
        expires_at=NOW + 900,
        issued_at=NOW,
        key_id="the-key",
        raw=SIGNER.claims(tenant="acme"),
    )


@pytest.mark.parametrize(
    ("scope", "scopes"), [(ABSENT, set()), ("", set()), (" a  b ", {"a", "b"}), ("a", {"a"})]
)
def test_scopes_are_separated_by_spaces(scope: object, scopes: set[str]) -> None:
    assert verifier_for(SIGNER).verify(SIGNER.token(scope=scope)).scopes == scopes


def test_claims_cannot_be_altered_by_one_caller_for_the_next() -> None:
    claims = verifier_for(SIGNER).verify(SIGNER.token())
    with pytest.raises(TypeError):
        claims.raw["sub"] = "admin"  # type: ignore[index]
    with pytest.raises(AttributeError):
        claims.sub = "admin"  # type: ignore[misc]


def test_a_token_that_is_remembered_is_the_same_claims() -> None:
    verifier, token = verifier_for(SIGNER), SIGNER.token()
    assert verifier.verify(token) is verifier.verify(token)


def test_a_remembered_token_expires() -> None:
    clock = Clock()
    verifier, token = verifier_for(SIGNER, clock=clock), SIGNER.token()
    verifier.verify(token)
    clock.now = NOW + 899.9
    verifier.verify(token)
    clock.now = NOW + 900
    with pytest.raises(InvalidTokenError, match="expired"):
        verifier.verify(token)


def test_a_remembered_token_is_refused_when_the_clock_steps_back_before_it() -> None:
    clock = Clock()
    verifier, token = verifier_for(SIGNER, clock=clock), SIGNER.token()
    verifier.verify(token)
    clock.now = NOW - 61
    with pytest.raises(InvalidTokenError, match="future"):
        verifier.verify(token)


def test_a_remembered_token_is_refused_once_its_session_is_revoked() -> None:
    revoked = RevocationSet()
    verifier, token = verifier_for(SIGNER, revocations=revoked), SIGNER.token()
    verifier.verify(token)
    revoked.learn({"another": NOW + 3600})
    verifier.verify(token)
    revoked.learn({SIGNER.sid: NOW + 3600})
    with pytest.raises(InvalidTokenError, match="revoked"):
        verifier.verify(token)


def test_a_remembered_token_is_refused_once_its_key_is_compromised() -> None:
    revoked = RevocationSet()
    verifier, token = verifier_for(SIGNER, revocations=revoked), SIGNER.token()
    verifier.verify(token)
    revoked.learn(keys={SIGNER.kid})
    with pytest.raises(InvalidTokenError, match="revoked"):
        verifier.verify(token)


def test_a_remembered_token_is_refused_once_its_key_is_gone() -> None:
    keys = Keys()
    verifier, token = verifier_for(SIGNER, keys=keys), SIGNER.token()
    verifier.verify(token)
    del keys.keys[SIGNER.kid]
    with pytest.raises(InvalidTokenError, match="no key"):
        verifier.verify(token)


def test_a_remembered_token_is_refused_once_its_kid_names_another_key() -> None:
    keys = Keys()
    verifier, token = verifier_for(SIGNER, keys=keys), SIGNER.token()
    verifier.verify(token)
    keys.keys[SIGNER.kid] = key_of(SIGNER.with_another_key())
    with pytest.raises(InvalidTokenError, match="signature"):
        verifier.verify(token)


def test_a_remembered_token_does_not_vouch_for_another_signature() -> None:
    verifier, token = verifier_for(SIGNER), SIGNER.token()
    verifier.verify(token)
    forged = token[: token.rindex(".")] + "." + "A" * 86
    with pytest.raises(InvalidTokenError, match="signature"):
        verifier.verify(forged)


def test_a_refused_token_is_not_remembered() -> None:
    clock = Clock()
    verifier = verifier_for(SIGNER, clock=clock)
    token = SIGNER.token(nbf=NOW + 10)
    with pytest.raises(InvalidTokenError):
        verifier.verify(token)
    assert len(verifier._verified) == 0
    clock.now = NOW + 10
    verifier.verify(token)


def test_the_map_of_verified_tokens_is_bounded() -> None:
    verifier = verifier_for(SIGNER, cache_size=3)
    tokens = [SIGNER.token(jti=f"token-{number}") for number in range(10)]
    for token in tokens * 2:
        verifier.verify(token)
    assert len(verifier._verified) == 3
    # The newest are there: a full map that took none would be no map.
    assert verifier.verify(tokens[-1]) is verifier.verify(tokens[-1])


def test_a_map_of_no_entries_remembers_nothing() -> None:
    verifier, token = verifier_for(SIGNER, cache_size=0), SIGNER.token()
    assert verifier.verify(token) is not verifier.verify(token)


def test_the_signature_of_a_token_seen_before_is_not_verified_again() -> None:
    keys, token = Keys(), SIGNER.token()
    keys.keys[SIGNER.kid] = key = CountingKey(SIGNER.kid, SIGNER.algorithm, SIGNER.public)
    verifier = verifier_for(SIGNER, keys=keys)
    for _ in range(5):
        verifier.verify(token)
    assert key.verifications == [True]


def test_a_bad_signature_is_refused_before_the_claims_are_read() -> None:
    forger = SIGNER.with_another_key()
    for payload in (b"\xff", b"[" * 3000, SIGNER.claims(exp=0)):
        with pytest.raises(InvalidTokenError, match="signature"):
            verifier_for(SIGNER).verify(forger.sign(SIGNER.header(), payload))


def test_a_wrong_kind_of_token_is_refused_before_a_key_is_looked_for() -> None:
    keys = CountingKeys()
    with pytest.raises(InvalidTokenError, match="typ"):
        verifier_for(SIGNER, keys=keys).verify(SIGNER.token_with_header(typ="rt+jwt"))
    assert keys.asked == 0


def test_a_verifier_that_is_not_ready_says_so() -> None:
    with pytest.raises(VerifierNotReadyError):
        verifier_for(SIGNER, revocations=NotReady()).verify(SIGNER.token())


def test_a_forged_token_is_refused_even_by_one_that_is_not_ready() -> None:
    with pytest.raises(InvalidTokenError) as refusal:
        verifier_for(SIGNER, revocations=NotReady()).verify(SIGNER.with_another_key().token())
    assert not isinstance(refusal.value, VerifierNotReadyError)


@pytest.mark.parametrize("leeway", [0, 0.5, 30])
def test_leeway_moves_the_edges(leeway: float) -> None:
    clock = Clock()
    verifier = verifier_for(SIGNER, leeway=leeway, clock=clock, cache_size=0)
    token = SIGNER.token(nbf=NOW, iat=NOW)
    for allowed, refused in (
        (NOW + 900 + leeway - 0.01, NOW + 900 + leeway),
        (NOW - leeway, NOW - leeway - 0.01),
    ):
        clock.now = allowed
        verifier.verify(token)
        clock.now = refused
        with pytest.raises(InvalidTokenError):
            verifier.verify(token)


@pytest.mark.parametrize("leeway", [0, 30])
def test_a_token_issued_up_to_a_minute_ahead_is_accepted(leeway: float) -> None:
    clock = Clock()
    verifier = verifier_for(SIGNER, leeway=leeway, clock=clock, cache_size=0)
    token = SIGNER.token()
    clock.now = NOW - 60
    verifier.verify(token)
    clock.now = NOW - 60.5
    with pytest.raises(InvalidTokenError):
        verifier.verify(token)


@pytest.mark.parametrize("claims", [{"exp": NOW - 1}, {"nbf": NOW + 1}, {"iat": NOW + 999}])
def test_identify_accepts_a_genuine_token_at_any_time(claims: dict[str, int]) -> None:
    revoked = RevocationSet()
    revoked.learn({SIGNER.sid: NOW + 3600})
    verifier = verifier_for(SIGNER, revocations=revoked)
    assert verifier.identify(SIGNER.token(**claims)).sid == SIGNER.sid


def test_identify_works_before_the_revocations_are_loaded() -> None:
    assert verifier_for(SIGNER, revocations=NotReady()).identify(SIGNER.token())


@pytest.mark.parametrize("claims", [{"iss": "x"}, {"aud": "x"}, {"sid": 1}, {"exp": "1"}])
def test_identify_refuses_what_is_not_ours(claims: dict[str, object]) -> None:
    with pytest.raises(InvalidTokenError):
        verifier_for(SIGNER).identify(SIGNER.token(**claims))


def test_identify_refuses_a_forged_token_and_another_type() -> None:
    verifier = verifier_for(SIGNER)
    for token in (SIGNER.with_another_key().token(), SIGNER.token_with_header(typ="rt+jwt")):
        with pytest.raises(InvalidTokenError):
            verifier.identify(token)


def test_an_expired_token_that_was_identified_is_still_refused() -> None:
    verifier, token = verifier_for(SIGNER), SIGNER.token(exp=NOW - 1)
    verifier.identify(token)
    with pytest.raises(InvalidTokenError):
        verifier.verify(token)


@pytest.mark.parametrize(
    "options",
    [
        {"issuer": ""},
        {"audience": ""},
        {"jwks": {}},
        {"leeway": -1},
        {"leeway": 30.1},
        {"leeway": float("nan")},
        {"cache_size": -1},
        {"poll_interval": 0},
        {"max_staleness": 0},
        {"issuer": "http://auth.example"},
        {"issuer": "https://auth.example?tenant=1"},
        {"fetch_from": "ftp://auth.example"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_meant_are_refused(options: dict[str, object]) -> None:
    usual = {"issuer": "https://auth.example", "audience": "a", "jwks": StaticKeys({})}
    with pytest.raises(ValueError, match=r"\.$"):
        Verifier(**{**usual, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_can_be_given_as_a_jwk_set(algorithm: str) -> None:
    signer = signer_of(algorithm)
    jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(signer.public))
    jwk_set = {"keys": [jwk | {"kid": signer.kid, "alg": algorithm}]}
    verifier = Verifier(
        issuer=signer.issuer,
        audience=signer.audience,
        jwks=jwk_set,
        revocations=None,
        clock=lambda: NOW,
    )
    assert verifier.verify(signer.token())


def test_keys_of_several_algorithms_do_not_answer_for_one_another() -> None:
    signers = {name: signer_of(name) for name in ALGORITHMS}
    keys = {name: VerifyingKey(name, name, signer.public) for name, signer in signers.items()}
    verifier = verifier_for(SIGNER, keys=StaticKeys(keys))
    for algorithm, signer in signers.items():
        for kid in ALGORITHMS:
            token = signer.sign(signer.header(kid=kid), signer.claims())
            if kid == algorithm:
                verifier.verify(token)
            else:
                with pytest.raises(InvalidTokenError, match="no key"):
                    verifier.verify(token)


def test_rotated_keys_verify_side_by_side() -> None:
    old = VerifyingKey("old", "ES256", SIGNER.public)
    new = VerifyingKey("new", "EdDSA", signer_of("EdDSA").public)
    verifier = verifier_for(SIGNER, keys=StaticKeys({"old": old, "new": new}))
    assert verifier.verify(SIGNER.sign(SIGNER.header(kid="old"), SIGNER.claims())).key_id == "old"
    ed = signer_of("EdDSA")
    assert verifier.verify(ed.sign(ed.header(kid="new"), ed.claims())).key_id == "new"


@pytest.mark.parametrize("audience", ["", (), ("",), ("reports", "")])
def test_a_service_needs_a_name(audience: object) -> None:
    with pytest.raises(ValueError, match="audience"):
        Verifier(issuer="https://auth.example", audience=audience, jwks={}, revocations=None)  # type: ignore[arg-type]
