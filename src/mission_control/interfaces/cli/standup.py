"""`missionctl standup`: what the squad did in a day, how things stand, and where a person must look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from mission_control.domain.standup import Heading, Item, Line, Member, Section, Standup
from mission_control.domain.task import Status
from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.looks import agent_status_cell, instant_cell, span, status_cell
from mission_control.interfaces.cli.output import Cell, Column, Row, print_json, print_table, tell
from mission_control.interfaces.cli.text import without_controls
from mission_control.ops.standup import gathering, record, schedule
from mission_control.ops.standup.filing import write_report
from mission_control.ops.standup.markdown import NOTHING, TITLES, as_markdown, compared, shown

_STATUS = {
    Heading.COMPLETED: Status.DONE,
    Heading.IN_PROGRESS: Status.IN_PROGRESS,
    Heading.BLOCKED: Status.BLOCKED,
    Heading.REVIEW: Status.REVIEW,
    Heading.WAITING: Status.INBOX,
}


@command(
    "standup",
    examples=(
        "missionctl standup",
        "missionctl standup --date yesterday",
        "missionctl standup --date 2026-02-06 --json",
        "missionctl standup --send",
    ),
)
@click.option("--date", "day", metavar="DATE", help="Of this day, e.g. 2026-02-06 or yesterday. Default: today.")
@click.option("--send", is_flag=True, help="Announce it, as the scheduled one is: to the history and whoever listens.")
def standup(session: Session, day: str | None, *, send: bool) -> None:
    """Show what the squad did in a day, how things stand, and where a person must look.

    Today is told as it stands, a past day as its scheduled standup kept it. The report also goes to
    reports/standup-DATE.md. On a pipe it is printed as Markdown. Scheduled by standup_at in mission.toml.
    """
    mission = session.mission
    found = gathering.standup_of(mission.store, mission.config, mission.clock, _read_day(session, day))
    path = write_report(mission.folder, found, mission.config.zone)
    if send:
        with mission.board.together():
            schedule.announce(mission.store, found, actor=session.actor, now=session.now)
        mission.ring()
    if session.as_json:
        print_json({**record.as_json(found), "report": _relative_to_home(session, path), "announced": send})
    elif session.is_terminal:
        _show(session, found, path)
    else:
        click.echo(without_controls(as_markdown(found, mission.config.zone)), nl=False)
    if send and not session.as_json:
        tell(f"missionctl: announced: {schedule.summary(found)}")


def _read_day(session: Session, text: str | None) -> date | None:
    """Null is today."""
    if text is None or text == "today":
        return None
    if text == "yesterday":
        return session.now.astimezone(session.mission.config.zone).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!a} is no day. Write e.g. 2026-02-06, today or yesterday.") from None


def _relative_to_home(session: Session, path: Path) -> str:
    return str(path.relative_to(session.mission.folder.home))


def _show(session: Session, found: Standup, path: Path) -> None:
    """For a person: the day in figures, then what needs them, then the rest."""
    # Imported here: rich costs 50 ms that only a person should pay.
    from mission_control.interfaces.cli import terminal

    terminal.print_heading(
        session, f"Standup, {found.day:%A} {found.day.day} {found.day:%B %Y}", _period_cell(session, found)
    )
    click.echo()
    _print_figures(session, found)
    for heading in Heading:
        section = found.sections.get(heading)
        if section is not None:
            _print_section(session, heading, section)
    if found.members:
        terminal.print_section(session, "agents")
        print_table(session, _MEMBERS, [_member_row(session, member) for member in found.members], when_empty="")
    if found.lines:
        terminal.print_section(session, "recent activity")
        print_table(session, _LINES, [_line_row(session, line) for line in found.lines], when_empty="")
    terminal.print_section(session, f"written to {_relative_to_home(session, path)}")


def _period_cell(session: Session, found: Standup) -> Cell:
    zone = session.mission.config.zone
    since, until = found.since.astimezone(zone), found.until.astimezone(zone)
    return Cell("", f"{since:%a %H:%M} to {until:%a %H:%M}", "bright_black")


def _print_figures(session: Session, found: Standup) -> None:
    columns = [Column(""), Column("this day", right=True), Column("the day before", right=True)]
    rows = [
        [Cell(name), Cell(now, style="bold"), Cell(before, style="bright_black")]
        for name, now, before in compared(found.figures, found.before)
    ]
    print_table(session, columns, rows, when_empty="")


def _print_section(session: Session, heading: Heading, section: Section) -> None:
    from mission_control.interfaces.cli import terminal

    look = status_cell(_STATUS[heading])
    icon = look.on_terminal.partition(" ")[0]
    terminal.console(session).print()
    terminal.console(session).print(
        terminal.render(Cell("", f"{icon} {TITLES[heading]} {section.total}", look.style if section.total else ""))
    )
    items = shown(section)
    rows = [_item_row(session, heading, item) for item in items]
    print_table(session, _ITEMS, rows, when_empty=f"  {NOTHING[heading]}")
    if section.total > len(items):
        click.echo(f"  … and {section.total - len(items):,} more")


_ITEMS = (
    Column("task"),
    Column("title", grows=True),
    Column("agents"),
    Column("when"),
    Column("why", grows=True, wraps=True),
)


def _item_row(session: Session, heading: Heading, item: Item) -> Row:
    when = "" if item.at is None else _when(session, heading, item.at)
    return (item.task, item.title, ", ".join(item.agents) or "nobody", Cell(when, style="bright_black"), item.note)


def _when(session: Session, heading: Heading, at: datetime) -> str:
    if heading is Heading.COMPLETED:
        return f"{at.astimezone(session.mission.config.zone):%H:%M}"
    if at > session.now:
        return ""
    return f"for {span(session.now - at)}"


_MEMBERS = (
    Column("agent"),
    Column("status"),
    Column("succeeded", right=True),
    Column("failed", right=True),
    Column("running", right=True),
    Column("waiting", right=True),
    Column("last_heartbeat"),
)


def _member_row(session: Session, member: Member) -> Row:
    last = member.last_heartbeat_at
    return (
        Cell(member.name, style="bold"),
        agent_status_cell(member.status),
        Cell(str(member.succeeded), style="green" if member.succeeded else "bright_black"),
        Cell(str(member.failed), style="red" if member.failed else "bright_black"),
        Cell(str(member.live), style="cyan" if member.live else "bright_black"),
        Cell(str(member.waiting), style="" if member.waiting else "bright_black"),
        Cell("", "never", "bright_black") if last is None else instant_cell(last, session.now),
    )


_LINES = (
    Column("at"),
    Column("task"),
    Column("title", grows=True),
    Column("what"),
    Column("who"),
    Column("message", grows=True),
)


def _line_row(session: Session, line: Line) -> Sequence[Cell]:
    zone = session.mission.config.zone
    return (
        Cell(f"{line.at.astimezone(zone):%H:%M}", style="bright_black"),
        Cell(line.task or ""),
        Cell(line.title),
        Cell(line.what.replace("_", " ")),
        Cell(line.who),
        Cell(line.message, style="bright_black"),
    )
