"""The files of a standup: the report, and a note for each agent in its memory. Writing them again changes nothing."""

from __future__ import annotations

import fcntl
import os
from datetime import tzinfo
from pathlib import Path

from mission_control.domain.standup import Heading, Item, Standup, share_of
from mission_control.folder import Folder, make_private_directory, open_private, sync, write_private
from mission_control.ops.standup.markdown import as_markdown, item_line

_NOTED = {
    Heading.COMPLETED: "Done",
    Heading.IN_PROGRESS: "At work on",
    Heading.BLOCKED: "Blocked, a person must look",
    Heading.REVIEW: "Waiting for a person's approval",
    Heading.WAITING: "Waiting",
}
MOST_NOTED = 20  # of one kind, in an agent's note


def write_report(folder: Folder, standup: Standup, zone: tzinfo) -> Path:
    """`reports/standup-DATE.md`, whole or as it was before."""
    path = folder.standup(standup.day)
    make_private_directory(path.parent)
    write_private(path, as_markdown(standup, zone).encode())
    return path


def write_notes(folder: Folder, standup: Standup, zone: tzinfo) -> list[Path]:
    """A note for each agent that has something in this standup, at the end of its notes of the day; once."""
    noted = []
    for member in standup.members:
        share = share_of(standup, member.name)
        if share:
            path = folder.notes(member.name, standup.day)
            make_private_directory(path.parent)
            _append_once(path, _note(standup, share, zone), _mark(standup))
            noted.append(path)
    return noted


def _note(standup: Standup, share: dict[Heading, list[Item]], zone: tzinfo) -> str:
    lines = [f"## Standup {standup.day}"]
    for heading, items in share.items():
        lines += ["", f"{_NOTED[heading]}:", ""]
        lines += [item_line(item, heading, zone) for item in items[:MOST_NOTED]]
        if len(items) > MOST_NOTED:
            lines += ["", f"… and {len(items) - MOST_NOTED:,} more."]
    return "\n".join([*lines, "", _mark(standup), ""])


def _mark(standup: Standup) -> str:
    """The last line of a note: a note without it was never finished."""
    return f"<!-- standup {standup.day} -->"


def _append_once(path: Path, text: str, mark: str) -> None:
    """Add `text` in one write, so that what the agent itself writes there meanwhile stays as it is."""
    with open(open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # against others who file the same standup
        there = file.read()
        if mark.encode() in there:
            return
        gap = "" if not there else "\n" if there.endswith(b"\n") else "\n\n"
        content = (gap + text).encode()
        written = file.write(content)
        if written != len(content):
            raise OSError(f"{path} could not be written whole: {written} of {len(content)} bytes")
        os.fsync(file.fileno())
    sync(path.parent)
