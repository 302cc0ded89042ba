"""Folders of the old system: legal rows, of which a test states only what matters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.ops.legacy.importing import import_folder
from mission_control.ops.legacy.report import Report
from mission_control.squad import Squad
from mission_control.store.store import Store
from support.factories import PERSON

Json = dict[str, Any]


def old_agent(name: str = "dexter", **fields: Any) -> Json:
    return {"id": name, "name": name, "role": "research", "status": "idle", **fields}


def old_task(number: int = 1, **fields: Any) -> Json:
    """A task in the inbox that nobody is assigned to."""
    return {
        "id": f"task-{number}",
        "title": f"Task {number}",
        "description": "",
        "status": "inbox",
        "priority": "normal",
        "assignee_ids": [],
        "created_at": "2026-02-01T09:00:00.000Z",
        "updated_at": "2026-02-01T09:30:00.000Z",
        **fields,
    }


def old_message(number: int = 1, **fields: Any) -> Json:
    return {
        "id": f"message-{number}",
        "task_id": "task-1",
        "from_agent_id": "dexter",
        "content": "Done so far.",
        "created_at": "2026-02-01T10:00:00Z",
        **fields,
    }


def old_notification(number: int = 1, **fields: Any) -> Json:
    return {"id": number, "mentioned_agent_id": "dexter", "content": "Look", "delivered": False, **fields}


def old_activity(number: int = 1, **fields: Any) -> Json:
    return {
        "id": number,
        "type": "task_started",
        "agent_id": "dexter",
        "message": "Started",
        "timestamp": "2026-02-01T09:10:00Z",
        **fields,
    }


def write_folder(folder: Path, **files: Any) -> Path:
    """Write `tasks=[…]`, `agents=[…]` and so on as JSON; text and bytes as they are."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if not isinstance(content, str | bytes):
            content = json.dumps(content, ensure_ascii=False)  # noqa: PLW2901  one of three ways to say the same
        path = folder / f"{name}.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@dataclass(frozen=True)
class Importer:
    """Imports into one mission, as the command does."""

    store: Store
    squad: Squad
    config: Config
    clock: Clock
    folder: Path

    def __call__(self, *, dry_run: bool = False, **files: Any) -> Report:
        """Take over a folder with these files; none: the folder as it lies there."""
        write_folder(self.folder, **files)
        return import_folder(
            self.folder,
            store=self.store,
            squad=self.squad,
            config=self.config,
            clock=self.clock,
            actor=PERSON,
            dry_run=dry_run,
        )


def full_folder(tasks: int = 3) -> dict[str, Any]:
    """A row of every kind, and so many tasks."""
    return {
        "agents": [old_agent()],
        "tasks": [old_task(number) for number in range(1, tasks + 1)],
        "messages": [old_message(), old_message(2, task_id=None)],
        "notifications": [old_notification()],
        "activities": [old_activity()],
    }
