"""`missionctl agent memory`: WORKING.md, as it is and as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from mission_control.domain.report import Memory
from mission_control.errors import InvalidInput, NotFound
from mission_control.interfaces import report_shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import instant_cell
from mission_control.interfaces.cli.output import Cell, Column, Row, print_json, print_table, tell
from mission_control.interfaces.cli.parameters import AGENT, ROWS
from mission_control.interfaces.cli.text import without_controls

MOST = 50
_COLUMNS = (
    Column("version", right=True),
    Column("by"),
    Column("created_at", "when"),
    Column("characters", right=True),
    Column("added", right=True),
    Column("removed", right=True),
)


@command(
    "memory",
    examples=(
        "missionctl agent memory dexter",
        "missionctl agent memory dexter --history",
        "missionctl agent memory dexter --diff 12",
    ),
    exits={3: "no such agent or version"},
)
@click.argument("name", type=AGENT)
@click.option("--history", is_flag=True, help="The versions that are kept, newest first.")
@click.option("--diff", type=int, metavar="VERSION", help="What this version changed.")
@click.option("--version", "wanted", type=int, metavar="VERSION", help="The text of this version.")
@click.option("--limit", type=ROWS, default=MOST, show_default=True, metavar="N", help="At most so many versions.")
def memory(session: Session, name: str, *, history: bool, diff: int | None, wanted: int | None, limit: int) -> None:
    """Show an agent's WORKING.md: what stands in each of its prompts."""
    if sum((history, diff is not None, wanted is not None)) > 1:
        raise InvalidInput("Give one of --history, --diff and --version.")
    agent = session.mission.views.resolve_agent(name)
    versions = session.mission.memories(agent, limit=limit if history else None)
    if history:
        _print_history(session, agent, versions)
    elif diff is not None:
        _print_diff(session, versions, _position(versions, diff, agent))
    elif wanted is not None:
        _print_text(session, versions[_position(versions, wanted, agent)])
    else:
        _print_current(session, agent, versions)


def _position(versions: Sequence[Memory], number: int, agent: str) -> int:
    for position, version in enumerate(versions):
        if version.id == number:
            return position
    raise NotFound(f"{agent} has no version {number} of its memory. See: missionctl agent memory {agent} --history")


def _print_current(session: Session, agent: str, versions: Sequence[Memory]) -> None:
    """As the next prompt will have it, also where somebody has edited it since."""
    body = session.mission.working_memory(agent)
    is_kept = bool(versions) and versions[0].body == body
    if session.as_json:
        print_json({"agent": agent, "body": body, "version": versions[0].id if is_kept else None})
        return
    click.echo(without_controls(body).rstrip("\n") if body.strip() else f"{agent} remembers nothing yet.")
    if session.is_terminal and versions:
        tell(f"— {len(versions)} versions. See: missionctl agent memory {agent} --history")


def _print_text(session: Session, version: Memory) -> None:
    if session.as_json:
        print_json(report_shapes.memory_json(version))
    else:
        click.echo(without_controls(version.body).rstrip("\n"))


def _print_history(session: Session, agent: str, versions: Sequence[Memory]) -> None:
    if session.as_json:
        print_json([report_shapes.memory_json(version) for version in versions])
        return
    rows = [_row(session, versions, position) for position in range(len(versions))]
    print_table(session, _COLUMNS, rows, when_empty=f"{agent} has rewritten nothing yet.")


def _row(session: Session, versions: Sequence[Memory], position: int) -> Row:
    version, changes = versions[position], list(_changes(versions, position))
    added = sum(line.startswith("+") for line in changes)
    return (
        str(version.id),
        version.author,
        instant_cell(version.created_at, session.now),
        str(len(version.body)),
        Cell(str(added), f"+{added}", "green" if added else "bright_black"),
        Cell(str(len(changes) - added), f"-{len(changes) - added}", "red" if added < len(changes) else "bright_black"),
    )


def _changes(versions: Sequence[Memory], position: int) -> Iterator[str]:
    return (line for line in _diff(versions, position) if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def _diff(versions: Sequence[Memory], position: int) -> Iterator[str]:
    """The lines of a unified diff from the version before to this one."""
    import difflib

    version = versions[position]
    before = versions[position + 1] if position + 1 < len(versions) else None
    return difflib.unified_diff(
        before.body.splitlines() if before else [],
        version.body.splitlines(),
        f"version {before.id} by {before.author}" if before else "nothing",
        f"version {version.id} by {version.author}",
        lineterm="",
    )


def _print_diff(session: Session, versions: Sequence[Memory], position: int) -> None:
    lines = [without_controls(line) for line in _diff(versions, position)]
    if session.as_json:
        print_json({**report_shapes.memory_json(versions[position]), "diff": "\n".join(lines)})
        return
    for line in lines:
        click.echo(_coloured(line) if session.is_terminal and not session.no_color else line)


def _coloured(line: str) -> str:
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(line, fg=colour, bold=line.startswith(("+++", "---")))
