"""Keys, sessions and repeated requests, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mission_control.access import ANSWER_LIFE, LINK_LIFE, SESSION_LIFE, Access
from mission_control.board import Board
from mission_control.domain.access import Caller, KeyKind, Scope
from mission_control.domain.draft import NewTask
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.store import access as keys
from mission_control.store import history, tasks
from mission_control.store.store import Store
from mission_control.store.tasks import Filter
from support.clock import FakeClock

ANA = Caller("ana", Scope.ADMIN, KeyKind.SESSION)


@pytest.fixture
def access(store: Store, clock: FakeClock) -> Access:
    return Access(store, clock)


def test_a_token_says_who_comes_and_what_they_may(access: Access):
    key, secret = access.add_token("ci", Scope.AGENT, actor="ana")
    assert access.caller(secret, KeyKind.TOKEN) == Caller("ci", Scope.AGENT, KeyKind.TOKEN)
    assert access.caller(secret, KeyKind.SESSION) is None
    assert access.caller(secret[:-1], KeyKind.TOKEN) is None
    assert [found.name for found in access.tokens()] == [key.name] == ["ci"]


def test_the_secret_is_nowhere_kept(access: Access, store: Store):
    _, secret = access.add_token("ci", Scope.READ, actor="ana")
    rows = store._connection.execute("SELECT * FROM access_key", {}) + store._connection.execute(
        "SELECT * FROM activity", {}
    )
    assert rows and secret not in str(rows)


def test_one_name_is_one_token(access: Access):
    access.add_token("ci", Scope.READ, actor="ana")
    with pytest.raises(Conflict, match="token ci already"):
        access.add_token("ci", Scope.ADMIN, actor="ana")
    access.revoke("ci", actor="ana")
    with pytest.raises(NotFound):
        access.revoke("ci", actor="ana")
    access.add_token("ci", Scope.ADMIN, actor="ana")


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=-1), timedelta(days=4000)])
def test_a_life_beyond_measure_is_refused(access: Access, life: timedelta):
    with pytest.raises(InvalidInput):
        access.add_token("ci", Scope.READ, actor="ana", life=life)
    assert access.tokens() == []


def test_a_token_ends_when_its_time_is_over(access: Access, clock: FakeClock):
    _, secret = access.add_token("ci", Scope.READ, actor="ana", life=timedelta(hours=1))
    clock.advance(timedelta(minutes=59))
    assert access.caller(secret, KeyKind.TOKEN)
    clock.advance(timedelta(minutes=1))
    assert access.caller(secret, KeyKind.TOKEN) is None


def test_its_use_is_noted_to_the_minute(access: Access, clock: FakeClock):
    _, secret = access.add_token("ci", Scope.READ, actor="ana")
    first = clock.now()
    for seconds in (0, 30, 31):
        clock.advance(timedelta(seconds=seconds))
        access.caller(secret, KeyKind.TOKEN)
    assert [token.used_at for token in access.tokens()] == [first + timedelta(seconds=61)]


def test_a_link_opens_one_session_within_the_hour(access: Access, clock: FakeClock):
    late, link = access.make_link(actor="ana"), access.make_link(actor="ana")
    session = access.log_in(link)
    assert session is not None and session.caller == ANA
    assert access.log_in(link) is None
    assert access.caller(link, KeyKind.SESSION, KeyKind.TOKEN) is None
    clock.advance(LINK_LIFE)
    assert access.log_in(late) is None
    assert access.caller(session.secret, KeyKind.SESSION) == ANA
    clock.advance(SESSION_LIFE)
    assert access.caller(session.secret, KeyKind.SESSION) is None


def test_of_two_who_use_a_link_at_once_one_comes_in(
    access: Access, clock: FakeClock, open_again: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
):
    """The other has seen that the link is valid and loses at the moment of use."""
    link = access.make_link(actor="ana")
    found = keys.valid(access._store, _digest_of(link), now=clock.now())
    other = Access(open_again(), clock)
    assert other.log_in(link) is not None
    monkeypatch.setattr("mission_control.access.access.valid", lambda *_, **__: found)
    assert access.log_in(link) is None


def _digest_of(secret: str) -> str:
    from mission_control.access import _digest

    return _digest(secret)


def test_a_session_ends_with_its_token_and_by_leaving(access: Access):
    _, secret = access.add_token("lent", Scope.READ, actor="ana")
    first, second = access.log_in(secret), access.log_in(secret)
    assert first and second and first.caller.scope is Scope.READ
    access.log_out(first.secret)
    assert access.caller(first.secret, KeyKind.SESSION) is None
    assert access.caller(second.secret, KeyKind.SESSION)
    access.revoke("lent", actor="ana")
    assert access.caller(second.secret, KeyKind.SESSION) is None


def test_what_is_over_is_forgotten_tokens_are_not(access: Access, store: Store, clock: FakeClock):
    access.add_token("ci", Scope.READ, actor="ana")
    for _ in range(3):
        access.log_in(access.make_link(actor="ana"))
    clock.advance(SESSION_LIFE + LINK_LIFE + timedelta(seconds=1))
    access.make_link(actor="ana")
    left = store._connection.execute("SELECT kind FROM access_key ORDER BY kind", {})
    assert [row["kind"] for row in left] == ["link", "token"]


def test_who_made_ended_or_used_a_key_stands_in_the_history(access: Access, store: Store):
    access.add_token("ci", Scope.READ, actor="ana")
    access.log_in(access.make_link(actor="ben"))
    access.revoke("ci", actor="ana")
    lines = [(line.kind, line.actor) for line in history.latest(store, agent=None, limit=10)]
    assert lines == [("token_added", "ana"), ("logged_in", "ben"), ("token_revoked", "ana")]


def add(board: Board) -> Callable[[], tuple[int, str]]:
    return lambda: (201, board.add(NewTask(title="Once"), actor="ana")[0].name)


def test_the_same_request_is_carried_out_once(access: Access, board: Board, store: Store):
    first, is_repeated = access.once(ANA, "k", b"POST", add(board))
    again, is_repeated_now = access.once(ANA, "k", b"POST", add(board))
    assert first == again
    assert (is_repeated, is_repeated_now) == (False, True)
    assert len(tasks.listed(store, Filter(), limit=10)) == 1
    with pytest.raises(Conflict):
        access.once(ANA, "k", b"DELETE", add(board))


def test_the_answer_is_committed_with_the_change_or_neither_is(access: Access, board: Board, store: Store):
    def fails_at_the_end() -> tuple[int, str]:
        board.add(NewTask(title="Half"), actor="ana")
        raise Conflict("no")

    with pytest.raises(Conflict, match="no"):
        access.once(ANA, "k", b"POST", fails_at_the_end)
    assert tasks.listed(store, Filter(), limit=10) == []
    assert access.once(ANA, "k", b"POST", add(board))[1] is False


def test_keys_of_others_and_of_yesterday_do_not_count(access: Access, board: Board, clock: FakeClock, store: Store):
    access.once(ANA, "k", b"POST", add(board))
    access.once(Caller("ana", Scope.ADMIN, KeyKind.TOKEN), "k", b"POST", add(board))
    clock.advance(ANSWER_LIFE + timedelta(seconds=1))
    access.once(ANA, "other", b"POST", add(board))
    access.once(ANA, "k", b"POST", add(board))
    assert len(tasks.listed(store, Filter(), limit=10)) == 4
