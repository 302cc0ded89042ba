"""Routines: tasks by schedule, one for a slot, whoever is awake and whatever the clock does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.routine import CatchUp, Overlap, Routine
from mission_control.domain.schedule import fires_after
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.heartbeat import Heart
from mission_control.routine_views import RoutineViews
from mission_control.routines import NewRoutine, Routines
from mission_control.squad import NewAgent, Squad
from mission_control.store import history, tasks
from mission_control.store import routines as stored
from mission_control.store.schema import connect, migrate
from mission_control.store.store import Store
from mission_control.views import Views
from support.clock import START, FakeClock
from support.database import ask
from support.factories import PERSON, AgentFactory, ending, process

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
Add = Callable[..., Routine]


@pytest.fixture
def add(routines: Routines, agent: AgentFactory) -> Add:
    """A routine for ada, hourly unless it says otherwise. Fields are those of NewRoutine."""
    agent("ada")

    def add_one(title: str = "Tidy up", **fields: object) -> Routine:
        wanted = {"every": "0 * * * *", "agents": ("ada",), "command": "true", **fields}
        return routines.add(NewRoutine(title=title, **wanted), actor=PERSON)  # type: ignore[arg-type]  # by name

    return add_one


@pytest.fixture
def views(store: Store, clock: FakeClock, config: Config) -> RoutineViews:
    return RoutineViews(store, clock, config)


def made(store: Store, routine: Routine) -> list[datetime | None]:
    """The slots that have made tasks, oldest first."""
    return [row.slot_at for row in reversed(stored.made(store, routine.id, limit=10_000))]


def finish_all(board: Board) -> None:
    for claim in board.claim("ada", claimer=process()):
        board.finish(claim.lease, ending())


def kinds(store: Store) -> list[str]:
    return [line.kind for line in history.latest(store, agent=None, limit=100) if line.kind.startswith("routine")]


def test_a_slot_makes_one_task_when_it_has_come(
    store: Store, board: Board, routines: Routines, add: Add, clock: FakeClock
) -> None:
    routine = add("Tidy up", command="tidy", priority="high", timeout=MINUTE, max_attempts=2, review=True)
    assert not routines.make_due()
    clock.advance(HOUR)
    assert routines.make_due()
    assert not routines.make_due()
    (claim,) = board.claim("ada", claimer=process())
    task = claim.task
    told = (task.title, task.command, task.priority, task.timeout_seconds, task.max_attempts, task.review)
    assert told == ("Tidy up", "tidy", "high", 60, 2, True)
    assert made(store, routine) == [START + HOUR]
    assert history.of_task(store, task.id)[0].actor == "R-1"


def test_two_who_look_at_once_make_one_task(
    store: Store,
    routines: Routines,
    add: Add,
    clock: FakeClock,
    config: Config,
    open_again: Callable[[], Store],
    make_board: Callable[[Store], Board],
) -> None:
    """The second finds the routine locked (Postgres) or waits for the one write lock (SQLite)."""
    routine = add()
    clock.advance(HOUR)
    other = open_again()
    rival = Routines(other, make_board(other), clock, config)
    assert stored.due(other, clock.now()) == [routine.id]
    with store.transaction():
        assert routines.make_due()
        if store.dialect.locks_rows:
            assert not rival.make_due()
    assert not rival.make_due()
    assert len(made(store, routine)) == 1


def test_the_database_itself_refuses_a_second_task_for_a_slot(
    store: Store, routines: Routines, add: Add, clock: FakeClock
) -> None:
    routine = add()
    clock.advance(HOUR)
    routines.make_due()
    by_hand = routines.run(routine.id, actor=PERSON)
    with pytest.raises(Conflict):
        stored.take(store, routine.id, START + HOUR, task_id=by_hand.id, now=clock.now())


@pytest.mark.parametrize(
    ("catch_up", "slots"), [("skip", []), ("once", [5]), ("all", [1, 2, 3, 4, 5])], ids=["skip", "once", "all"]
)
def test_slots_that_passed_while_nobody_was_awake(
    store: Store, routines: Routines, add: Add, clock: FakeClock, catch_up: str, slots: list[int]
) -> None:
    routine = add(catch_up=CatchUp(catch_up))
    clock.advance(5 * HOUR + 30 * MINUTE)
    while routines.make_due():
        pass
    assert made(store, routine) == [START + count * HOUR for count in slots]
    assert ("routine_missed" in kinds(store)) is (catch_up != "all")
    clock.advance(30 * MINUTE)
    routines.make_due()
    # The task of `once` still waits, and is not joined by another.
    assert len(made(store, routine)) == len(slots) + (catch_up != "once")


def test_a_task_that_still_waits_or_runs_keeps_the_next_from_being_made(
    store: Store, board: Board, routines: Routines, add: Add, clock: FakeClock
) -> None:
    routine = add()
    clock.advance(HOUR)
    routines.make_due()
    clock.advance(HOUR)
    routines.make_due()
    assert (len(made(store, routine)), kinds(store)[-1]) == (1, "routine_skipped")
    finish_all(board)
    clock.advance(HOUR)
    routines.make_due()
    assert made(store, routine) == [START + HOUR, START + 3 * HOUR]


def test_one_that_is_blocked_waits_for_a_person_and_not_for_the_routine(
    store: Store, board: Board, routines: Routines, add: Add, clock: FakeClock
) -> None:
    from mission_control.domain.attempt import Outcome

    routine = add(max_attempts=1)
    clock.advance(HOUR)
    routines.make_due()
    (claim,) = board.claim("ada", claimer=process())
    assert board.finish(claim.lease, ending(Outcome.FAILED)).status == "blocked"
    clock.advance(HOUR)
    routines.make_due()
    assert len(made(store, routine)) == 2


def test_with_queue_there_may_be_several(store: Store, routines: Routines, add: Add, clock: FakeClock) -> None:
    routine = add(overlap=Overlap.QUEUE)
    for _ in range(3):
        clock.advance(HOUR)
        routines.make_due()
    assert len(made(store, routine)) == 3


def test_paused_it_makes_nothing_and_what_passed_meanwhile_is_not_made_up_for(
    store: Store, routines: Routines, add: Add, clock: FakeClock
) -> None:
    routine = add(catch_up=CatchUp.ALL)
    routines.pause(routine.id, actor=PERSON)
    clock.advance(3 * HOUR)
    assert not routines.make_due()
    routines.resume(routine.id, actor=PERSON)
    assert not routines.make_due()
    clock.advance(HOUR)
    routines.make_due()
    assert made(store, routine) == [START + 4 * HOUR]


def test_by_hand_it_makes_a_task_at_once_also_while_paused(
    store: Store, routines: Routines, add: Add, clock: FakeClock
) -> None:
    routine = add()
    routines.pause(routine.id, actor=PERSON)
    first, second = (routines.run(routine.id, actor=PERSON) for _ in range(2))
    assert first.id != second.id
    assert made(store, routine) == [None, None]


def test_a_removed_one_makes_nothing_and_is_known_no_more_but_its_tasks_are(
    store: Store, routines: Routines, views: RoutineViews, add: Add, clock: FakeClock, config: Config
) -> None:
    routine = add()
    task = routines.run(routine.id, actor=PERSON)
    routines.remove(routine.id, actor=PERSON)
    clock.advance(HOUR)
    assert not routines.make_due()
    with pytest.raises(NotFound):
        views.resolve("R-1")
    maker = Views(store, clock, config).task(task.id).maker
    assert maker is not None
    assert maker.name == "R-1"
    assert add().id == 2


def test_an_edit_changes_what_comes_and_forgets_no_slot_that_has_come(
    store: Store, routines: Routines, add: Add, clock: FakeClock
) -> None:
    routine = add()
    clock.advance(HOUR)
    edited = routines.edit(routine.id, {"title": "Tidy up well"}, actor=PERSON)
    assert edited.next_at == START + HOUR
    routines.make_due()
    (task,) = stored.made(store, routine.id, limit=9)
    assert task.title == "Tidy up well"
    edited = routines.edit(routine.id, {"every": "30 * * * *"}, actor=PERSON)
    assert edited.next_at == START + HOUR + 30 * MINUTE


def test_one_that_cannot_make_its_task_says_why_and_goes_on(
    store: Store, squad: Squad, routines: Routines, views: RoutineViews, add: Add, agent: AgentFactory, clock: FakeClock
) -> None:
    broken, whole = add("Broken"), add("Whole")
    ask(store, "UPDATE routine SET agents = 'nobody' WHERE id = 1")
    clock.advance(HOUR)
    routines.make_due()
    assert (made(store, broken), len(made(store, whole))) == ([], 1)
    assert [view.status for view in views.routines()] == ["failing", "active"]
    assert "There is no agent nobody" in str(views.routine(broken.id).routine.fault)
    assert "routine_failed" in kinds(store)
    agent("nobody")
    clock.advance(HOUR)
    routines.make_due()
    assert views.routine(broken.id).status == "active"


def test_an_agent_stays_while_a_routine_names_it(squad: Squad, routines: Routines, add: Add) -> None:
    routine = add()
    with pytest.raises(Conflict, match="R-1"):
        squad.remove("ada", actor=PERSON)
    routines.remove(routine.id, actor=PERSON)
    squad.remove("ada", actor=PERSON)


@pytest.mark.parametrize(
    "fields",
    [
        {"every": "now and then"},
        {"title": " "},
        {"agents": ()},
        {"agents": ("nobody",)},
        {"max_attempts": 0},
        {"timeout": timedelta(0)},
        {"catch_up": CatchUp.ALL, "overlap": Overlap.SKIP},
    ],
    ids=str,
)
def test_what_makes_no_routine_is_refused_and_changes_nothing(
    store: Store, routines: Routines, add: Add, fields: dict[str, object]
) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        add(**fields)
    assert stored.listed(store) == []
    routine = add()
    names = {"title": "title", "every": "every"}
    with pytest.raises((InvalidInput, NotFound)):
        routines.edit(routine.id, {names.get(name, name): value for name, value in fields.items()}, actor=PERSON)
    assert stored.listed(store) == [routine]


def test_a_deleted_task_does_not_bring_its_slot_back_with_a_clock_set_back(
    store: Store, board: Board, routines: Routines, add: Add, clock: FakeClock
) -> None:
    routine = add()
    clock.advance(HOUR)
    routines.make_due()
    (task,) = stored.made(store, routine.id, limit=9)
    board.delete(task.task_id, actor=PERSON)
    ask(store, "UPDATE routine SET next_at = '2026-02-06T11:00:00.000000Z'")
    assert routines.make_due()
    assert made(store, routine) == []
    assert tasks.get(store, task.task_id) is None


def test_a_heartbeat_makes_and_starts_what_is_due_and_a_dry_run_only_says_so(
    store: Store, board: Board, add: Add, clock: FakeClock, config: Config
) -> None:
    routine = add()
    heart = Heart(store, lambda: board, clock, config, {})
    clock.advance(HOUR)
    (report,) = heart.rehearse(["ada"])
    assert [task.title for task in report.would_start] == ["Tidy up"]
    assert made(store, routine) == []


def test_the_next_slot_and_the_newest_task_can_be_seen(
    store: Store, routines: Routines, views: RoutineViews, add: Add, clock: FakeClock, config: Config
) -> None:
    routine = add()
    clock.advance(HOUR)
    routines.make_due()
    view = views.routine(routine.id)
    assert view.next_slots == tuple(START + count * HOUR for count in range(2, 7))
    assert [task.slot_at for task in view.made] == [START + HOUR]
    following = Views(store, clock, config).status().next_routine
    assert following is not None
    assert following.next_at == START + 2 * HOUR


# A life with jumps of the clock

looks = st.lists(
    st.tuples(
        st.sampled_from(["pass", "pass", "pass", "forward", "back"]),
        st.timedeltas(timedelta(0), timedelta(hours=5)),
        st.booleans(),  # whether somebody looks then
        st.booleans(),  # whether the tasks are done then
    ),
    max_size=15,
)


def let_time_pass(clock: FakeClock, what: str, length: timedelta) -> None:
    match what:
        case "pass":
            clock.advance(length)
        case "forward":
            clock.set_wall(clock.now() + length)
        case "back":
            clock.set_wall(clock.now() - length)


def slots_until(every: str, end: datetime) -> list[datetime]:
    return list(takewhile(lambda slot: slot <= end, fires_after(every, START, UTC)))


@settings(max_examples=25)
@given(looks, st.sampled_from(list(CatchUp)), st.sampled_from(list(Overlap)), st.sampled_from(["*/20", "0"]))
def test_no_slot_is_made_twice_and_none_is_lost_whatever_the_clock_does(
    life: list[tuple[str, timedelta, bool, bool]], catch_up: CatchUp, overlap: Overlap, minutes: str
) -> None:
    every = f"{minutes} * * * *"
    overlap = Overlap.QUEUE if catch_up is CatchUp.ALL else overlap
    with TemporaryDirectory() as folder:
        store = connect(str(Path(folder) / "mission.db"), create=True)
        clock, config = FakeClock(), Config(home=Path(folder), host="here", timezone="UTC")
        migrate(store, now=clock.now())
        board = Board(store, clock, config, refuses=lambda _runner, _command: None)
        Squad(store, clock, config, runners=("shell",)).add(NewAgent("ada", slots=500), actor=PERSON)
        routines = Routines(store, board, clock, config)
        routine = routines.add(NewRoutine("R", every, ("ada",), catch_up=catch_up, overlap=overlap), actor=PERSON)
        for what, length, somebody_looks, all_done in [*life, ("pass", 6 * HOUR, True, True)]:
            let_time_pass(clock, what, length)
            if somebody_looks:
                while routines.make_due():
                    pass
                assert_is_planned(store, routine, clock.now())
            if all_done:
                finish_all(board)
        slots = [slot for slot in made(store, routine) if slot is not None]
        assert len(slots) == len(set(slots)), "twice"
        if catch_up is CatchUp.ALL and "back" not in [what for what, *_ in life]:
            assert slots == slots_until(every, clock.now())
        store.close()


def assert_is_planned(store: Store, routine: Routine, now: datetime) -> None:
    """For one of the next two slots, whatever the clock showed before."""
    found = stored.get(store, routine.id)
    assert found is not None
    assert found.next_at is not None
    assert now < found.next_at <= now + 2 * HOUR
