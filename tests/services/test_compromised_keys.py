"""Whoever hears from a process that a key is compromised finds its successor there."""

import pytest
from pydantic import SecretStr

from authapi.errors import OperatorError
from authapi.services.keys.rotation import mark_compromised
from tests.support.databases import sqlite_only
from tests.support.process import Process, StartProcess

pytestmark = sqlite_only

OTHER_SECRET = "what a mistaken operator has in the environment"


def compromise(process: Process) -> tuple[str, str]:
    """The kid of the key that signed, and of the one that takes its place."""
    stolen = process.signs_with()
    successor = mark_compromised(process.db, process.settings, stolen)
    assert successor
    return stolen, successor.kid


def test_the_key_set_is_changed_before_the_feed_says_so(
    start_process: StartProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start_process()
    stolen, successor = compromise(process)
    published: list[set[str]] = []
    learn = process.feed.learn

    def look_and_learn(*args: object, **more: object) -> None:
        assert process.feed.page(None).keys == []
        published.append(process.publishes())
        learn(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(process.feed, "learn", look_and_learn)
    process.poll()
    assert published == [{successor}]
    assert process.feed.page(None).keys == [stolen]


def test_a_key_that_cannot_be_opened_holds_up_no_revocation(start_process: StartProcess) -> None:
    process = start_process()
    token = process.mint()
    stolen = process.signs_with()
    elsewhere = process.settings.model_copy(update={"secret": SecretStr(OTHER_SECRET)})
    assert mark_compromised(process.db, elsewhere, stolen)
    with pytest.raises(OperatorError):
        process.poll()
    assert process.feed.page(None).keys == [stolen]
    assert process.refusal(token)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256", "HS256"])
def test_a_compromised_key_counts_no_more_and_its_successor_does(
    start_process: StartProcess, algorithm: str
) -> None:
    process, other = (start_process(signing_algorithm=algorithm) for _ in range(2))
    token = process.mint()
    assert other.accepts(token)
    compromise(process)
    for each in (process, other):
        each.poll()
        assert each.refusal(token)
    for each in (process, other):
        assert process.accepts(each.mint())
        assert other.accepts(each.mint())
