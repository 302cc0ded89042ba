"""The life of a task, as the design draws it."""

from __future__ import annotations

from itertools import product

import pytest

from mission_control.domain.task import BY_A_PERSON, TRANSITIONS, Event, Status, move
from mission_control.errors import IllegalMove
from support.factories import make_task

# Written down once more, from the design's table: a change of either must be meant.
LEGAL = {
    ("inbox", "claim", "in_progress"),
    ("in_progress", "succeed", "done"),
    ("in_progress", "submit", "review"),
    ("in_progress", "requeue", "inbox"),
    ("in_progress", "block", "blocked"),
    ("review", "approve", "done"),
    ("review", "reject", "inbox"),
    ("blocked", "answer", "inbox"),
    ("blocked", "retry", "inbox"),
    ("cancelled", "retry", "inbox"),
    ("done", "retry", "inbox"),
    ("inbox", "cancel", "cancelled"),
    ("in_progress", "cancel", "cancelled"),
    ("review", "cancel", "cancelled"),
    ("blocked", "cancel", "cancelled"),
}
TARGETS = {(status, event): target for status, event, target in LEGAL}


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)))
def test_a_task_moves_only_as_the_design_says(status, event):
    task = make_task(status=status)
    if (status, event) in TARGETS:
        assert move(task, event) == TARGETS[status, event]
        return
    with pytest.raises(IllegalMove):
        move(task, event)


def test_every_status_has_its_row_and_every_event_its_use():
    assert set(TRANSITIONS) == set(Status)
    assert {event for moves in TRANSITIONS.values() for event in moves} == set(Event)


@pytest.mark.parametrize("status", Status)
def test_no_status_is_a_dead_end(status):
    reached, frontier = {status}, [status]
    while frontier:
        for target in TRANSITIONS[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert Status.INBOX in reached


@pytest.mark.parametrize("status", Status)
def test_a_refusal_names_what_is_possible_instead(status):
    refused = Event.CLAIM if status is not Status.INBOX else Event.APPROVE
    with pytest.raises(IllegalMove) as refusal:
        move(make_task(status=status), refused)
    assert "T-12" in str(refusal.value)
    offered = str(refusal.value).partition("Possible now: ")[2].partition(".")[0].split(", ")
    assert offered == [event for event in TRANSITIONS[status] if event in BY_A_PERSON]
