"""What an agent's own files say: who it is, how it works, what it remembers. They are read and never rewritten here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from mission_control.folder import Folder

MOST_BYTES = 400_000  # of one file


@dataclass(frozen=True)
class Remembered:
    """Texts of files; empty where there is none."""

    soul: str
    instructions: str  # AGENTS.md and HEARTBEAT.md of an OpenClaw workspace
    working: str
    today: str
    yesterday: str


def remember(folder: Folder, agent: str, today: date) -> Remembered:
    """What the files of this agent say on this day.

    `agents/NAME` may be, or be a link to, a workspace of OpenClaw: then its AGENTS.md, HEARTBEAT.md and memory/ count,
    too. So may the mission's own folder, for agents that have no such workspace.
    """
    memory = folder.working(agent).parent
    workspace = _openclaw_workspace(folder, agent)
    return Remembered(
        soul=_read(folder.soul(agent)) or (_read(workspace / "SOUL.md") if workspace else ""),
        instructions=_joined(workspace / name for name in ("AGENTS.md", "HEARTBEAT.md")) if workspace else "",
        working=_read(folder.working(agent)) or (_read(workspace / "memory" / "WORKING.md") if workspace else ""),
        today=_notes(memory, workspace, today),
        yesterday=_notes(memory, workspace, today - timedelta(days=1)),
    )


def _openclaw_workspace(folder: Folder, agent: str) -> Path | None:
    own = folder.soul(agent).parent
    if any((own / name).is_file() for name in ("AGENTS.md", "HEARTBEAT.md")):
        return own
    shared = folder.home
    return shared if all((shared / name).is_file() for name in ("AGENTS.md", "SOUL.md")) else None


def _notes(memory: Path, workspace: Path | None, day: date) -> str:
    name = f"{day.isoformat()}.md"
    places = [memory / name, *([workspace / "memory" / name] if workspace else [])]
    return _joined(dict.fromkeys(place.resolve() for place in places))


def _joined(paths: Iterable[Path]) -> str:
    return "\n\n".join(text for path in paths if (text := _read(path)))


def _read(path: Path) -> str:
    """The text of a file without blanks around it; nothing when there is none."""
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return ""
