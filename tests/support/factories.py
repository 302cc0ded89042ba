"""Legal values: a test states only what matters to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mission_control.board import Board
from mission_control.domain.agent import Agent
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Kind, Priority, Status, Task
from mission_control.errors import Conflict
from mission_control.squad import NewAgent, Squad
from support.clock import START

PERSON = "tester"  # the actor of what a test does


def make_task(**changes: Any) -> Task:
    """A task in the inbox that no store knows; for the rules alone."""
    values: dict[str, Any] = {
        "id": 12,
        "title": "Write the report",
        "description": "",
        "status": Status.INBOX,
        "priority": Priority.NORMAL,
        "kind": Kind.TASK,
        "command": "true",
        "max_attempts": 3,
        "timeout_seconds": 1800.0,
        "review": False,
        "not_before": None,
        "retry_at": None,
        "failures": 0,
        "token": 0,
        "unmet": 0,
        "rank": 0,
        "reason": "somebody must look" if changes.get("status") is Status.BLOCKED else None,
        "key": None,
        "legacy_id": None,
        "cancel_requested_at": None,
        "created_at": START,
        "updated_at": START,
        "agents": ("ada",),
    }
    return Task(**(values | changes))


def process(pid: int = 4242, started: str = "77", boot: str = "boot-1") -> ProcessIdentity:
    """The identity of a process that need not exist."""
    return ProcessIdentity(pid=pid, started=started, boot=boot)


def ending(outcome: Outcome = Outcome.SUCCEEDED, **changes: Any) -> Ending:
    """How an attempt ended, with the exit code and error that belong to such an outcome."""
    values: dict[str, Any] = {"outcome": outcome, "duration_seconds": 1.0}
    if outcome is Outcome.SUCCEEDED:
        values["exit_code"] = 0
    if outcome is Outcome.FAILED:
        values |= {"exit_code": 1, "error": "exit status 1"}
    if outcome is Outcome.TIMED_OUT:
        values |= {"signal": 15, "error": "time limit reached"}
    return Ending(**(values | changes))


@dataclass(frozen=True)
class AgentFactory:
    """Lets agents join the squad."""

    squad: Squad

    def __call__(self, name: str = "ada", **fields: Any) -> Agent:
        """A new agent; `fields` are those of NewAgent."""
        return self.squad.add(NewAgent(name=name, **fields), actor=PERSON)


@dataclass(frozen=True)
class TaskFactory:
    """Puts tasks on the board."""

    board: Board
    squad: Squad

    def __call__(self, title: str = "Write the report", *, to: str | tuple[str, ...] = "ada", **fields: Any) -> Task:
        """A new task, by default for ada; agents that are missing join first. `fields` are those of NewTask.

        Durations and predecessors may be given as `timeout=seconds` and `after=[task]`.
        """
        names = (to,) if isinstance(to, str) else to
        for name in names:
            self._let_join(name)
        if isinstance(fields.get("timeout"), int | float):
            fields["timeout"] = timedelta(seconds=fields["timeout"])
        fields["after"] = [getattr(task, "id", task) for task in fields.get("after", ())]
        fields.setdefault("command", "true")
        added, _ = self.board.add(NewTask(title=title, agents=names, **fields), actor=PERSON)
        return added

    def _let_join(self, name: str) -> None:
        try:
            self.squad.add(NewAgent(name=name), actor=PERSON)
        except Conflict:
            return  # a member already
