"""The claim and the explanation never differ: what a claim takes is what nothing holds, in the queue's order."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.readiness import AgentLoad, MachineLoad, RunnerLoad, explain
from mission_control.domain.task import Priority, Status, Task
from mission_control.errors import Conflict
from mission_control.squad import NewAgent, Squad
from mission_control.store import agents, attempts, tasks
from mission_control.store.store import Store
from support.clock import FakeClock
from support.database import empty
from support.factories import PERSON, ending, process
from support.invariants import check_board

NAMES = ("ada", "bob", "cyd")
RUNNERS = ("shell", "other")
MINUTES = st.sampled_from([-60, -5, 0, 1, 10, 60])


@dataclass(frozen=True)
class Member:
    slots: int
    paused: bool
    host: str | None
    runner: str


@dataclass(frozen=True)
class Draft:
    priority: Priority
    names: frozenset[str]
    after: frozenset[int]  # positions of earlier drafts
    waits_minutes: int | None
    fate: str
    minutes_later: int  # the clock moves so far after it was added


@dataclass(frozen=True)
class Scene:
    """A board as random as it can legally be."""

    members: list[Member]
    drafts: list[Draft]
    machine_slots: int | None
    runner_slots: dict[str, int]
    woken_at_minutes: int  # waits were looked at then, before the clock came to where it stands
    stands_at_minutes: int
    claims: list[tuple[str, int | None]] = field(default_factory=list)


members = st.builds(
    Member,
    slots=st.integers(1, 3),
    paused=st.sampled_from([False, False, True]),
    host=st.sampled_from([None, "here", "there"]),
    runner=st.sampled_from(RUNNERS),
)
drafts = st.builds(
    Draft,
    priority=st.sampled_from(list(Priority)),
    names=st.frozensets(st.sampled_from(NAMES), max_size=3),
    after=st.frozensets(st.integers(0, 7), max_size=2),
    waits_minutes=st.none() | MINUTES,
    fate=st.sampled_from(["", "", "", "done", "fail", "block", "release", "run", "cancel", "review", "redo"]),
    minutes_later=st.sampled_from([0, 0, 1, 400]),
)
scenes = st.builds(
    Scene,
    members=st.lists(members, min_size=3, max_size=3),
    drafts=st.lists(drafts, max_size=8),
    machine_slots=st.none() | st.integers(1, 6),
    runner_slots=st.dictionaries(st.sampled_from(RUNNERS), st.integers(1, 4)),
    woken_at_minutes=MINUTES,
    stands_at_minutes=st.sampled_from([-100_000, -60, -1, 0, 1, 20, 60]),
    claims=st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.integers(0, 3)), min_size=1, max_size=4),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenes)
def test_a_claim_takes_exactly_what_nothing_holds(store: Store, config: Config, scene: Scene) -> None:
    empty(store)
    clock = FakeClock()
    config = replace(config, machine_slots=scene.machine_slots, runner_slots=scene.runner_slots)
    board = Board(store, clock, config, refuses=lambda _runner, _command: None, jitter=lambda: 1.0)
    latest = set_the_scene(scene, board, Squad(store, clock, config, runners=RUNNERS), clock)
    for name, most in scene.claims:
        expected = free_of_holds(store, config, clock, name)[:most]
        assert what_a_look_finds(store, config, clock, name)[: len(expected)] == expected
        taken = board.claim(name, claimer=process(), most=most)
        assert [claim.task.id for claim in taken] == expected
        check_board(store, latest=latest)
    for name in NAMES:
        board.claim(name, claimer=process())
    for task in tasks.listed(store, tasks.Filter(), limit=100):
        assert explanation(store, config, clock, task, task.agents)


def set_the_scene(scene: Scene, board: Board, squad: Squad, clock: FakeClock) -> datetime:
    """Bring the board there by legal moves alone; the answer is the furthest that the clock has stood."""
    for name in NAMES:
        squad.add(NewAgent(name, slots=9), actor=PERSON)
    ids: list[int] = []
    for draft in scene.drafts:
        ids.append(add(board, draft, ids, clock))
        clock.advance(timedelta(minutes=draft.minutes_later))
        with suppress(Conflict):
            meet_fate(board, ids[-1], draft.fate)
    for name, member in zip(NAMES, scene.members, strict=True):
        squad.edit(name, {"slots": member.slots, "host": member.host, "runner": member.runner}, actor=PERSON)
        if member.paused:
            squad.pause(name, actor=PERSON)
    ends = clock.now()
    for minutes in (scene.woken_at_minutes, scene.stands_at_minutes):
        clock.set_wall(ends + timedelta(minutes=minutes))
        for name in NAMES:
            board.claim(name, claimer=process(), most=0)
    return max(ends, ends + timedelta(minutes=scene.woken_at_minutes), clock.now())


def add(board: Board, draft: Draft, earlier: list[int], clock: FakeClock) -> int:
    wait = draft.waits_minutes
    new = NewTask(
        title="x",
        priority=draft.priority,
        agents=tuple(sorted(draft.names)),
        after=[earlier[position] for position in draft.after if position < len(earlier)],
        not_before=None if wait is None else clock.now() + timedelta(minutes=wait),
        max_attempts=1 if draft.fate == "block" else 3,
        review=draft.fate == "review",
    )
    return board.add(new, actor=PERSON)[0].id


def meet_fate(board: Board, task_id: int, fate: str) -> None:
    """Raises Conflict where the task cannot be claimed."""
    if fate == "cancel":
        board.cancel(task_id, actor=PERSON)
    if fate in ("", "cancel"):
        return
    claim = None
    for name in NAMES:
        with suppress(Conflict):
            claim = claim or board.claim_task(task_id, name, claimer=process())
    if claim is None or fate == "run":
        return
    outcomes = {"fail": Outcome.FAILED, "block": Outcome.FAILED, "release": Outcome.RELEASED}
    board.finish(claim.lease, ending(outcomes.get(fate, Outcome.SUCCEEDED)))
    if fate == "redo":
        board.retry(task_id, actor=PERSON, after=timedelta(minutes=1))


def free_of_holds(store: Store, config: Config, clock: FakeClock, name: str) -> list[int]:
    """What the explanation says that this agent could start, one after the other."""
    found: list[int] = []
    waiting = [task for task in tasks.listed(store, tasks.Filter(agent=name), limit=100) if task.status is Status.INBOX]
    for task in sorted(waiting, key=lambda task: (task.rank, task.id)):
        if not explanation(store, config, clock, task, (name,), more=len(found)):
            found.append(task.id)
    return found


def what_a_look_finds(store: Store, config: Config, clock: FakeClock, name: str) -> list[int]:
    """What is shown as startable, without a claim, in its order."""
    now = clock.now()
    found = tasks.startable(store, name, now=now, latest_backoff=now + config.backoff_cap, limit=100)
    holding = [task for task in found if tasks.unfinished_predecessors(store, task)]
    assert not holding
    return [task.id for task in found]


def explanation(
    store: Store, config: Config, clock: FakeClock, task: Task, names: tuple[str, ...], more: int = 0
) -> list[str]:
    """The holds of a task, from rows read afresh; `more` attempts are thought to be live besides."""
    live = attempts.live(store)
    loads = []
    for name in names:
        agent = agents.get(store, name)
        assert agent is not None
        of_agent = sum(attempt.agent == name for attempt in live) + more
        runner = runner_load(store, config, agent.runner, live, more)
        loads.append(AgentLoad(name, agent.slots, of_agent, agent.paused, agent.host, runner))
    of_machine = sum(attempt.host == config.host for attempt in live) + more
    holds = explain(
        task,
        unfinished=[p for p in tasks.predecessors(store, task.id) if p.status is not Status.DONE],
        agents=loads,
        machine=MachineLoad(config.host, config.machine_slots, of_machine),
        now=clock.now(),
        longest_wait=config.backoff_cap,
    )
    return [hold.text for hold in holds]


def runner_load(store: Store, config: Config, runner: str, live: list[Attempt], more: int) -> RunnerLoad | None:
    if runner not in config.runner_slots:
        return None
    driven = {agent.name for agent in agents.listed(store) if agent.runner == runner}
    return RunnerLoad(runner, config.runner_slots[runner], sum(attempt.agent in driven for attempt in live) + more)
