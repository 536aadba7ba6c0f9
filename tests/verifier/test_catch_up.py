"""A verifier whose process was frozen asks before it answers; the network alone is not real."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import httpx
import pytest

from authapi.verifier import InvalidTokenError, Verifier, VerifierNotReadyError
from tests.support.until import until
from tests.verifier.conftest import MakeVerifier
from tests.verifier.fake_issuer import REVOCATIONS, FakeIssuer, black_hole, out_of_reach
from tests.verifier.fixtures import NOW
from tests.verifier.network import SIGNER, TOKEN, is_refused

CATCH_UP = 300.0


class Frozen:
    """The wall clock of a process, and what ends a freeze: the monotonic one stands still."""

    def __init__(self, make_verifier: MakeVerifier, **settings: object) -> None:
        self.wall = float(NOW)
        self.verifier = make_verifier(clock=lambda: self.wall, catch_up=CATCH_UP, **settings)
        self.verifier.verify(TOKEN)

    def thaw(self) -> None:
        self.wall += CATCH_UP + 1


@pytest.fixture
def frozen(issuer: FakeIssuer, make_verifier: MakeVerifier) -> Frozen:
    frozen = Frozen(make_verifier)
    until(lambda: "wait" in issuer.queries()[-1])
    return frozen


def end_the_session_unheard(issuer: FakeIssuer) -> None:
    """The request that waits is never answered: its connection died."""
    issuer.sessions[SIGNER.sid] = NOW + 3690


def test_the_first_verification_refuses_a_session_that_ended_meanwhile(
    issuer: FakeIssuer, frozen: Frozen
) -> None:
    end_the_session_unheard(issuer)
    frozen.thaw()
    assert is_refused(frozen.verifier)
    assert "wait" not in issuer.queries()[-1]


def test_so_it_does_without_blocking_the_loop(issuer: FakeIssuer, frozen: Frozen) -> None:
    end_the_session_unheard(issuer)
    frozen.thaw()
    with pytest.raises(InvalidTokenError) as refused:
        asyncio.run(frozen.verifier.averify(TOKEN))
    assert not isinstance(refused.value, VerifierNotReadyError)


def test_recalling_leaves_it_to_who_may_wait(frozen: Frozen) -> None:
    assert frozen.verifier.recall(TOKEN.encode())
    frozen.thaw()
    assert frozen.verifier.recall(TOKEN.encode()) is None


def test_a_session_that_goes_on_is_accepted_after_one_request(
    issuer: FakeIssuer, frozen: Frozen
) -> None:
    before = len(issuer.queries())
    frozen.thaw()
    with ThreadPoolExecutor(20) as pool:
        claims = list(pool.map(frozen.verifier.verify, [TOKEN] * 100))
    assert len(claims) == 100
    assert sum("wait" not in query for query in issuer.queries()[before:]) == 1


def test_without_it_the_issuer_may_hold_a_request_for_20_seconds(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    verifier = make_verifier(catch_up=None)
    verifier.verify(TOKEN)
    until(lambda: issuer.queries()[-1].get("wait") == "20")


@pytest.mark.parametrize("answer", [out_of_reach, black_hole], ids=["refused", "silent"])
def test_an_issuer_out_of_reach_is_waited_for_once_and_no_longer_than_patience(
    issuer: FakeIssuer, frozen: Frozen, answer: Callable[..., httpx.Response]
) -> None:
    issuer.instead["*"] = answer  # type: ignore[assignment]
    frozen.thaw()
    began = monotonic()
    assert frozen.verifier.verify(TOKEN)
    assert 1.9 < monotonic() - began < 3.9  # not twice
    began = monotonic()
    for _ in range(10):
        assert frozen.verifier.verify(TOKEN)
    assert monotonic() - began < 1.9  # not once more


def test_an_issuer_that_answers_at_the_second_attempt_is_heard(
    issuer: FakeIssuer, frozen: Frozen
) -> None:
    async def fail_once(request: httpx.Request) -> httpx.Response:
        issuer.instead.clear()
        return await out_of_reach(request)

    end_the_session_unheard(issuer)
    issuer.instead[REVOCATIONS] = fail_once
    frozen.thaw()
    assert is_refused(frozen.verifier)


def test_each_freeze_is_waited_for(issuer: FakeIssuer, frozen: Frozen) -> None:
    issuer.instead["*"] = out_of_reach
    frozen.thaw()
    assert frozen.verifier.verify(TOKEN)
    end_the_session_unheard(issuer)
    issuer.instead.clear()
    frozen.thaw()
    assert is_refused(frozen.verifier)


def test_failing_closed_decides_where_the_issuer_is_out_of_reach(
    issuer: FakeIssuer, make_verifier: MakeVerifier
) -> None:
    frozen = Frozen(make_verifier, max_staleness=0.05, fail_closed=True)
    issuer.instead["*"] = out_of_reach
    frozen.thaw()
    with pytest.raises(VerifierNotReadyError, match="stale"):
        frozen.verifier.verify(TOKEN)


def test_a_closed_verifier_asks_nobody(issuer: FakeIssuer, frozen: Frozen) -> None:
    frozen.verifier.close()
    before = len(issuer.asked)
    frozen.thaw()
    assert frozen.verifier.verify(TOKEN)
    assert len(issuer.asked) == before


def test_a_forged_token_makes_nobody_ask(issuer: FakeIssuer, frozen: Frozen) -> None:
    before = len(issuer.queries())
    frozen.thaw()
    assert is_refused(frozen.verifier, SIGNER.with_another_key().token())
    assert len(issuer.queries()) == before


@pytest.mark.parametrize("seconds", [0, 0.9, -1])
def test_less_than_a_second_cannot_be_meant(seconds: float) -> None:
    with pytest.raises(ValueError, match="at least 1 second"):
        Verifier(issuer="https://auth.example", audience="authapi", catch_up=seconds)
