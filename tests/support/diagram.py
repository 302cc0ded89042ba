"""The picture of a task's life in ARCHITECTURE.md, drawn from the table that the program obeys.

`bin/diagram` draws it anew; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from mission_control.domain.task import TRANSITIONS, Status

PAGE = Path(__file__).parents[2] / "ARCHITECTURE.md"
_BEGIN = "<!-- life of a task: drawn by bin/diagram from domain/task.py -->\n"
_END = "<!-- end of the drawing -->"


def draw() -> str:
    """The table as Mermaid text: one arrow for each pair of statuses, named by its events."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.INBOX}: add"]
    for status, moves in TRANSITIONS.items():
        for target in dict.fromkeys(moves.values()):
            events = ", ".join(event for event in moves if moves[event] is target)
            lines.append(f"    {status} --> {target}: {events}")
    return "\n".join(["```mermaid", *lines, "```", ""])


def drawn_into(page: str) -> str:
    """`page` with the present drawing between its two markers; ValueError when they are missing."""
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"{PAGE.name} has lost the markers around the life of a task:\n{_BEGIN}{_END}")
    return before + _BEGIN + draw() + end + after


if __name__ == "__main__":
    PAGE.write_text(drawn_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
