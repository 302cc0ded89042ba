"""What people's words for tasks, attempts and agents mean. Raises InvalidInput for what can be no id, else NotFound."""

from __future__ import annotations

import re

from mission_control.domain import limits
from mission_control.domain.attempt import attempt_name
from mission_control.domain.task import task_name
from mission_control.errors import InvalidInput, NotFound
from mission_control.store import agents, attempts, tasks
from mission_control.store.store import Store

_TASK_ID = re.compile(r"(?:[Tt]-)?([0-9]{1,18})\Z")
_ATTEMPT_ID = re.compile(r"(.+)/([0-9]{1,9})\Z", re.DOTALL)
_ID_CHARACTERS = 200


def resolve_task(store: Store, text: str) -> int:
    """The id of the task meant by `T-12`, `t-12`, `12` or the id it had in the system it was imported from."""
    number = _TASK_ID.match(text)
    if number and tasks.get(store, int(number[1])):
        return int(number[1])
    if not _can_be_id(text):
        raise InvalidInput(f"{text[:60]!a} is no task id. Write e.g. T-12 or 12.")
    if legacy := tasks.by_legacy_id(store, text):
        return legacy.id
    if " " in text:
        raise InvalidInput(f"{text[:60]!a} is no task id. Write e.g. T-12 or 12.")
    name = task_name(int(number[1])) if number else text
    raise NotFound(f"There is no task {name}. See: missionctl task list --all")


def resolve_attempt(store: Store, text: str) -> tuple[int, int]:
    """(task, number) of the attempt meant by `T-12/2`; of the latest one where only a task is named."""
    named = _ATTEMPT_ID.match(text)
    task_id = resolve_task(store, named[1] if named else text)
    if named:
        number = int(named[2])
        if attempts.get(store, task_id, number) is None:
            raise NotFound(
                f"There is no attempt {attempt_name(task_id, number)}. See: missionctl task show {task_name(task_id)}"
            )
        return task_id, number
    tried = attempts.of_task(store, task_id)
    if not tried:
        name = task_name(task_id)
        raise NotFound(f"{name} has not been tried yet. Why: missionctl task show {name}")
    return task_id, tried[-1].number


def resolve_agent(store: Store, text: str) -> str:
    """The name of the agent meant by `ada`, `@ada` or the id it had in the system it was imported from."""
    try:
        found = agents.get(store, limits.agent_name(text))
    except InvalidInput:
        found = agents.by_legacy_id(store, text) if _can_be_id(text) else None
        if found is None:
            raise
    found = found or agents.by_legacy_id(store, text)
    if found is None or found.removed:
        raise NotFound(f"There is no agent {text.removeprefix('@')}. See: missionctl agent list")
    return found.name


def _can_be_id(text: str) -> bool:
    """Whether some system may have used this as an id: one short printable word."""
    return 0 < len(text) <= _ID_CHARACTERS and text.isprintable() and not text.startswith("-")
