"""How an agent itself lets its attempt end before the work is done: it asks a person, or hands the task on.

The words stand on the board at once; the task moves when the attempt has ended and nothing of it lives any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from mission_control.domain.attempt import Ending, Outcome, Verdict
from mission_control.domain.task import Event, Task

REASON_CHARACTERS = 300


class Kind(StrEnum):
    """Why the agent parts from its attempt."""

    ASKED = "asked"  # a person must answer
    ANSWERED = "answered"  # it asked, and somebody answered before the attempt had ended
    HANDED_OFF = "handed_off"  # another agent goes on


@dataclass(frozen=True)
class Parting:
    """That the agent has parted, and the first line of what it said."""

    kind: Kind
    note: str


def parted_ending(ending: Ending) -> Ending:
    """How the attempt ended, given how its runner did: given back, unless it had to be ended or was lost."""
    if ending.outcome in (Outcome.TIMED_OUT, Outcome.LOST):
        return ending
    return replace(ending, outcome=Outcome.RELEASED, error=None)


def judge_parting(task: Task, agent: str, parting: Parting) -> Verdict:
    """What becomes of the task when such an attempt ends, however that was; its failures stay as they are."""
    if task.cancel_requested_at is not None:
        return Verdict(Event.CANCEL, task.failures, reason="cancelled while it was running")
    match parting.kind:
        case Kind.ASKED:
            return Verdict(Event.BLOCK, task.failures, reason=f"{agent} asks: {parting.note}")
        case Kind.ANSWERED:
            return Verdict(Event.REQUEUE, 0)
        case Kind.HANDED_OFF:
            return Verdict(Event.REQUEUE, task.failures, reason=f"{agent} handed it off: {parting.note}")
    assert_never(parting.kind)


def first_line(text: str) -> str:
    """The first line of a text that has any, short enough to stand in a list."""
    line = text.strip().splitlines()[0]
    return line if len(line) <= REASON_CHARACTERS else f"{line[:REASON_CHARACTERS]}…"
