"""Why a task does not start."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mission_control.domain.readiness import (
    AgentLoad,
    HoldKind,
    MachineLoad,
    Predecessor,
    RunnerLoad,
    agent_hold,
    explain,
    room,
)
from mission_control.domain.task import Status
from support.clock import START
from support.factories import make_task

FREE = AgentLoad("ada", slots=3, live=0)
HERE = MachineLoad("here", slots=None, live=0)
LONGEST = timedelta(minutes=15)
LATER = START + timedelta(minutes=5)


def holds(task=None, *, unfinished=(), agents=(FREE,), machine=HERE, now=START):
    return explain(
        task or make_task(), unfinished=unfinished, agents=agents, machine=machine, now=now, longest_wait=LONGEST
    )


def kinds(*arguments, **options):
    return [hold.kind for hold in holds(*arguments, **options)]


def test_a_task_that_nothing_holds_may_start():
    assert holds() == []


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.INBOX])
def test_outside_the_inbox_the_status_is_the_only_cause(status):
    task = make_task(status=status, not_before=LATER)
    assert kinds(task, unfinished=[Predecessor(3, Status.INBOX)], agents=()) == [HoldKind.STATUS]


def test_every_unfinished_predecessor_is_named_with_its_status():
    found = holds(unfinished=[Predecessor(3, Status.IN_PROGRESS), Predecessor(4, Status.BLOCKED)])
    assert [hold.text for hold in found] == ["T-3 is in_progress", "T-4 is blocked"]


def test_a_wait_ends_at_its_very_instant():
    for name, kind in (("not_before", HoldKind.NOT_BEFORE), ("retry_at", HoldKind.BACKOFF)):
        task = make_task(failures=1, **{name: LATER})
        (hold,) = holds(task)
        assert (hold.kind, hold.until) == (kind, LATER)
        assert holds(task, now=LATER) == []


def test_a_backoff_from_before_the_clock_was_set_back_holds_nothing():
    assert holds(make_task(failures=1, retry_at=START + LONGEST + timedelta(seconds=1))) == []
    assert kinds(make_task(failures=1, retry_at=START + LONGEST)) == [HoldKind.BACKOFF]


@pytest.mark.parametrize(
    ("agent", "machine", "kind"),
    [
        (AgentLoad("ada", slots=3, live=0, paused=True), HERE, HoldKind.AGENT_PAUSED),
        (AgentLoad("ada", slots=3, live=0, host="there"), HERE, HoldKind.OTHER_MACHINE),
        (AgentLoad("ada", slots=3, live=3), HERE, HoldKind.SLOTS_FULL),
        (AgentLoad("ada", slots=3, live=4), HERE, HoldKind.SLOTS_FULL),
        (FREE, MachineLoad("here", slots=2, live=2), HoldKind.MACHINE_FULL),
        (AgentLoad("ada", 3, 0, runner=RunnerLoad("shell", slots=4, live=4)), HERE, HoldKind.RUNNER_FULL),
    ],
)
def test_what_keeps_the_only_agent_keeps_the_task(agent, machine, kind):
    assert kinds(agents=[agent], machine=machine) == [kind]
    hold = agent_hold(agent, machine)
    assert hold is not None
    assert hold.kind is kind


def test_a_full_runner_is_named_with_what_is_in_use_and_frees_with_its_first_end():
    full = AgentLoad("ada", slots=3, live=1, runner=RunnerLoad("shell", slots=4, live=4))
    assert [hold.text for hold in holds(agents=[full])] == ["runner shell is full: 4 of 4 in use"]
    assert holds(agents=[AgentLoad("bob", slots=3, live=0, runner=RunnerLoad("shell", slots=4, live=3))]) == []


@pytest.mark.parametrize(
    ("agent", "machine", "expected"),
    [
        (AgentLoad("ada", slots=3, live=1), HERE, 2),
        (AgentLoad("ada", slots=3, live=3), HERE, 0),
        (AgentLoad("ada", slots=3, live=0, paused=True), HERE, 0),
        (AgentLoad("ada", slots=3, live=5), HERE, 0),  # its slots were made fewer
        (AgentLoad("ada", slots=3, live=0), MachineLoad("here", slots=5, live=4), 1),
        (AgentLoad("ada", slots=3, live=0, runner=RunnerLoad("shell", slots=4, live=2)), HERE, 2),
        (AgentLoad("ada", slots=3, live=0, runner=RunnerLoad("shell", slots=4, live=4)), HERE, 0),
    ],
)
def test_the_scarcest_slots_say_how_much_room_there_is(agent, machine, expected):
    assert room(agent, machine) == expected


def test_one_free_agent_is_enough():
    paused = AgentLoad("bob", slots=3, live=0, paused=True)
    assert kinds(agents=[paused, FREE]) == []
    assert kinds(agents=[paused, AgentLoad("ada", slots=1, live=1)]) == [HoldKind.AGENT_PAUSED, HoldKind.SLOTS_FULL]


def test_a_task_that_names_nobody_says_so():
    assert kinds(agents=[]) == [HoldKind.NOBODY]


def test_all_causes_are_told_at_once():
    task = make_task(not_before=LATER, retry_at=LATER, failures=1)
    assert kinds(task, unfinished=[Predecessor(3, Status.INBOX)], agents=[]) == [
        HoldKind.PREDECESSOR,
        HoldKind.NOT_BEFORE,
        HoldKind.BACKOFF,
        HoldKind.NOBODY,
    ]


def test_a_paused_mission_holds_every_task_whoever_would_do_it():
    paused = MachineLoad("here", slots=None, live=0, mission_paused=True)
    assert kinds(agents=[FREE, AgentLoad("bob", slots=3, live=0)], machine=paused) == [HoldKind.MISSION_PAUSED]
