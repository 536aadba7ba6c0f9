"""Every forged, altered, mistyped or stale token through the service: each the same 401.

The table is the verifier's (tests/verifier/cases.py), signed here with the service's own key.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import httpx
import pytest

from tests.support.rows import every_row
from tests.support.service import MakeService, Service
from tests.verifier.case import show
from tests.verifier.cases import ACCEPTED, CASES, Case
from tests.verifier.cases_signature import ALG, CONFUSION, KID, SIGNATURES
from tests.verifier.fixtures import signer_of
from tests.verifier.signer import ABSENT, Signer

# An expired token may still log out: it says who wants to leave.
STALE = ("the token has expired", "iat lies in the future", "the token is not valid yet")


def for_http(cases: list[Case], algorithm: str) -> list[Case]:
    """Those of an algorithm that HTTP can carry behind `Bearer `."""
    return [
        case
        for case in cases
        if algorithm in case.algorithms and case.fits_a_header(signer_of("ES256"))
    ]


@dataclass(frozen=True)
class Target:
    """A service, and what makes tokens as the service itself would for its user."""

    service: Service
    signer: Signer
    refresh_signer: Signer
    refusals: dict[str, httpx.Response]  # what a plainly bad token is answered with, by path


Targets = Callable[[str], Target]


@pytest.fixture(scope="module")
def target(make_service: MakeService) -> Targets:
    """Return a function from an algorithm to the module's one service that signs with it."""
    return cache(lambda algorithm: _target(make_service(signing_algorithm=algorithm)))


def _target(service: Service) -> Target:
    runtime = service.api.app.state.runtime
    key = runtime.tokens.keys.ring.signing_key(service.clock())
    me = service.client.get("/me", headers=service.tokens.bearer).json()
    signer = Signer(
        kid=key.kid,
        algorithm=key.algorithm,
        private=key.private,
        issuer=runtime.settings.public_url,
        audience=runtime.settings.audience,
        now=int(service.clock()),
        sid=service.tokens.sid,
        sub=me["id"],
    )
    other = runtime.tokens.keys.refresh_tokens._signer
    return Target(
        service,
        signer,
        replace(signer, kid=other.kid, algorithm=other.algorithm, private=other.private),
        {path: ask(service, path, "x.y.z") for path in ("/me", "/verify")},
    )


def ask(service: Service, path: str, token: str) -> httpx.Response:
    return service.client.get(path, headers={"Authorization": f"Bearer {token}"})


def shown(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = [pair for pair in answer.headers.multi_items() if pair[0] != "x-request-id"]
    return answer.status_code, answer.content, headers


# What a token says is read the same whatever signed it; the verifier's tests run all by all.
@pytest.mark.parametrize(
    ("algorithm", "cases"),
    [
        pytest.param("ES256", CASES, id="ES256"),
        *(
            pytest.param(algorithm, [*ALG, *CONFUSION, *KID, *SIGNATURES], id=algorithm)
            for algorithm in ("EdDSA", "RS256", "HS256")
        ),
    ],
)
def test_every_bad_token_is_the_same_401(
    target: Targets, algorithm: str, cases: list[Case]
) -> None:
    it = target(algorithm)
    with every_row() as row:
        for case in for_http(cases, algorithm):
            with row(case.name):
                token = case.make(it.signer)
                for path, refusal in it.refusals.items():
                    answer = ask(it.service, path, token)
                    assert answer.status_code == 401
                    assert shown(answer) == shown(refusal)


@pytest.mark.parametrize("claim", ["sub", "sid"])
def test_verify_answers_nothing_that_a_header_can_not_carry(target: Targets, claim: str) -> None:
    it = target("ES256")
    tokens = [it.signer.token(**{claim: said}) for said in ("x", "\u00e9", "\u0130x")]
    assert [ask(it.service, "/verify", token).status_code for token in tokens] == [204, 401, 401]


BOTH = pytest.mark.parametrize("algorithm", ["ES256", "HS256"])


@BOTH
def test_an_unusual_but_valid_token_is_accepted(target: Targets, algorithm: str) -> None:
    it = target(algorithm)
    with every_row() as row:
        for case in for_http(ACCEPTED, algorithm):
            with row(case.name):
                # A subject that no header can name is none of ours.
                wanted = 401 if case.name == "a foreign sub" else 204
                assert ask(it.service, "/verify", case.make(it.signer)).status_code == wanted


def test_no_forged_token_logs_anybody_out(target: Targets) -> None:
    it = target("ES256")
    with every_row() as row:
        for case in for_http(CASES, "ES256"):
            if case.reason in STALE:
                continue
            with row(case.name):
                headers = {"Authorization": f"Bearer {case.make(it.signer)}"}
                assert it.service.client.post("/logout", headers=headers).status_code == 401
                assert it.service.api.verify(it.service.tokens) == 204


def test_a_genuine_token_of_nobody_has_no_profile(target: Targets) -> None:
    it = target("ES256")
    assert ask(it.service, "/me", it.signer.token(sub="A" * 22)).status_code == 401


def _refresh(**changes: object) -> Callable[[Signer], str]:
    """A refresh token with other header members (`header_…`) or claims."""
    head = {
        name.removeprefix("header_"): value
        for name, value in changes.items()
        if name.startswith("header_")
    }
    said = {name: value for name, value in changes.items() if not name.startswith("header_")}

    def make(signer: Signer) -> str:
        claims = {
            "sid": signer.sid,
            "jti": "the-token",
            "parent": signer.sid,
            "iat": signer.now,
            "exp": signer.now + 900,
            **said,
        }
        header = signer.header(typ="rt+jwt") | head
        return signer.sign(
            {name: value for name, value in header.items() if value is not ABSENT},
            {name: value for name, value in claims.items() if value is not ABSENT},
        )

    return make


def _by_another(make: Callable[[Signer], str]) -> Callable[[Signer], str]:
    return lambda signer: make(signer.with_another_key())


REFRESH_TOKENS: dict[str, Callable[[Signer], str]] = {
    "another key": _by_another(_refresh()),
    "expired": lambda s: _refresh(exp=s.now)(s),
    "of no session": _refresh(sid="A" * 22, parent="A" * 22),
    "of a session with a NUL": _refresh(sid="A" * 21 + "\0"),
    "of a session that is a lone surrogate": _refresh(sid="\udfff"),
    **{f"typ {show(typ)}": _refresh(header_typ=typ) for typ in ("at+jwt", "JWT", "", None, ABSENT)},
    **{f"alg {alg!r}": _refresh(header_alg=alg) for alg in ("none", "HS384", "ES256", "", None)},
    **{f"kid {show(kid)}": _refresh(header_kid=kid) for kid in ("x", "", None, ABSENT, 1)},
    **{
        f"{name} {show(value)}": _refresh(**{name: value})
        for name in ("sid", "jti", "parent")
        for value in (ABSENT, None, 1, True, [], {})
    },
    **{
        f"{name} {show(value)}": _refresh(**{name: value})
        for name in ("exp", "iat")
        for value in (ABSENT, None, "9999999999", 1e12, True, float("nan"), -1e400)
    },
    "crit": _refresh(header_crit=["x"]),
    "an access token": lambda s: s.token(),
    "no token": lambda _: "",
    "half a token": lambda s: _refresh()(s).rpartition(".")[0],
    "cut": lambda s: _refresh()(s)[:-1],
    "9 KiB": _refresh(padding="x" * 9000),
    "60 KiB": lambda _: "x" * 60_000,
}


@BOTH
def test_every_bad_refresh_token_is_the_same_401(target: Targets, algorithm: str) -> None:
    it = target(algorithm)
    with every_row() as row:
        for name, make in REFRESH_TOKENS.items():
            with row(name):
                answer = it.service.api.refresh(make(it.refresh_signer))
                assert shown(answer) == shown(it.service.api.refresh("x.y.z"))
                assert answer.json()["error"] == "invalid_grant"
                assert it.service.api.verify(it.service.tokens) == 204


@BOTH
def test_neither_kind_of_token_passes_for_the_other(target: Targets, algorithm: str) -> None:
    service = target(algorithm).service
    assert ask(service, "/verify", service.tokens.refresh).status_code == 401
    assert service.api.refresh(service.tokens.access).status_code == 401


@BOTH
def test_the_key_of_one_kind_signs_nothing_of_the_other(target: Targets, algorithm: str) -> None:
    it = target(algorithm)
    assert ask(it.service, "/verify", it.refresh_signer.token()).status_code == 401
    assert it.service.api.refresh(_refresh()(it.signer)).status_code == 401
