"""The list of sessions, and ending them from it, from a session of any transport."""

from tests.support.api import Api
from tests.support.databases import sqlite_only
from tests.support.rows import every_row
from tests.support.transports import TRANSPORTS, Holder
from tests.transports.conftest import LogIn


def test_the_list_says_how_each_travels(log_in: LogIn, api: Api, transport: str) -> None:
    holder = log_in()
    others = [Holder(api, other).log_in() for other in TRANSPORTS]
    listed = {entry["id"]: entry for entry in holder.send("GET", "/sessions").json()}
    assert {sid: entry["transport"] for sid, entry in listed.items()} == {
        holder.sid: transport,
        **{other.sid: other.transport for other in others},
    }
    assert [sid for sid, entry in listed.items() if entry["current"]] == [holder.sid]


def test_one_can_be_ended_from_another(log_in: LogIn, api: Api) -> None:
    holder = log_in()
    with every_row() as row:
        for other in TRANSPORTS:
            with row(other):
                ended = Holder(api, other).log_in()
                assert ended.is_in()
                assert holder.status("DELETE", f"/sessions/{ended.sid}") == 204
                assert not ended.is_in()
                assert ended.refresh().status_code in {400, 401}
                assert holder.is_in()


@sqlite_only
def test_all_others_can_be_ended(log_in: LogIn, api: Api) -> None:
    holder = log_in()
    others = [Holder(api, other).log_in() for other in TRANSPORTS]
    assert holder.status("DELETE", "/sessions") == 204
    assert [other.is_in() for other in others] == [False] * 4
    assert [entry["id"] for entry in holder.send("GET", "/sessions").json()] == [holder.sid]


@sqlite_only
def test_it_can_end_itself(log_in: LogIn) -> None:
    holder = log_in()
    assert holder.status("DELETE", f"/sessions/{holder.sid}") == 204
    assert not holder.is_in()


@sqlite_only
def test_a_strangers_can_not_be_ended(log_in: LogIn) -> None:
    holder, stranger = log_in(), log_in("eve@example.com")
    assert stranger.status("DELETE", f"/sessions/{holder.sid}") == 404
    assert holder.is_in()
