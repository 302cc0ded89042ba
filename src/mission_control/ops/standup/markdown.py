"""A standup as Markdown. Titles, reasons and names come from anybody: they can be read here, and do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from mission_control.domain.standup import Day, Heading, Item, Line, Member, Section, Standup

MOST_SHOWN = 30  # of one section; the rest is a number
MOST_CHARACTERS = 300  # of a reason
UNKNOWN = "·"
TITLES = {
    Heading.COMPLETED: "Completed",
    Heading.IN_PROGRESS: "In progress",
    Heading.BLOCKED: "Blocked",
    Heading.REVIEW: "Needs review",
    Heading.WAITING: "Waiting",
}
NOTHING = {
    Heading.COMPLETED: "Nothing was completed.",
    Heading.IN_PROGRESS: "Nothing is being worked on.",
    Heading.BLOCKED: "Nothing is blocked.",
    Heading.REVIEW: "Nothing waits for a person.",
    Heading.WAITING: "The inbox is empty.",
}
# Controls, line ends, and what turns the reading direction around.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
# What begins or ends something inside of a line, and cells of tables. An underscore inside of a word does neither.
_MARKS = re.compile(r"[\\`*\[\]<>&|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def escaped(text: str) -> str:
    """`text` on one line, as Markdown that shows it and nothing else: no link, image, tag, table or emphasis."""
    return _MARKS.sub(r"\\\g<0>", _UNSAFE.sub(" ", text).strip())


def as_markdown(standup: Standup, zone: tzinfo) -> str:
    """The whole report, with times as a clock in `zone` shows them."""
    return "\n".join(_report(standup, zone)) + "\n"


def _report(standup: Standup, zone: tzinfo) -> Iterator[str]:
    yield f"# Standup, {standup.day:%A} {standup.day.day} {standup.day:%B %Y}"
    yield ""
    yield f"From {_moment(standup.since, zone)} to {_moment(standup.until, zone)}, {escaped(standup.timezone)} time."
    yield ""
    yield from _figures(standup)
    for heading in Heading:
        yield from _section(standup, heading, zone)
    if standup.members:
        yield from _members(standup.members, zone)
    if standup.lines:
        yield from ("", "## Recent activity", "")
        yield from (_line(line, zone) for line in standup.lines)


def _figures(standup: Standup) -> Iterator[str]:
    yield "| | this day | the day before |"
    yield "|---|---:|---:|"
    for name, now, before in compared(standup.figures, standup.before):
        yield f"| {name} | {now} | {before} |"


def compared(day: Day, before: Day) -> list[tuple[str, str, str]]:
    """The figures of two days, side by side; those that neither has are left out."""
    rows = [
        ("tasks completed", day.completed, before.completed, "{:,}"),
        ("tasks added", day.added, before.added, "{:,}"),
        ("tasks blocked", day.blocked, before.blocked, "{:,}"),
        ("attempts ended", day.attempts, before.attempts, "{:,}"),
        ("of these succeeded", day.success_rate, before.success_rate, "{:.0%}"),
        ("tokens", day.tokens, before.tokens, "{:,}"),
        ("cost in USD", day.cost_usd, before.cost_usd, "{:,.2f}"),
    ]
    return [
        (name, UNKNOWN if now is None else shape.format(now), UNKNOWN if then is None else shape.format(then))
        for name, now, then, shape in rows
        if now is not None or then is not None
    ]


def _section(standup: Standup, heading: Heading, zone: tzinfo) -> Iterator[str]:
    section = standup.sections.get(heading)
    if section is None:  # only that day knew
        return
    yield from ("", f"## {TITLES[heading]} ({section.total:,})", "")
    if not section.items:
        yield NOTHING[heading]
    items = shown(section)
    yield from (item_line(item, heading, zone) for item in items)
    if section.total > len(items):
        yield from ("", f"… and {section.total - len(items):,} more.")


def shown(section: Section) -> Sequence[Item]:
    return section.items[:MOST_SHOWN]


def item_line(item: Item, heading: Heading, zone: tzinfo) -> str:
    """`- **T-12** Write the report (ada, 14:03): why`."""
    who = ", ".join(map(escaped, item.agents)) or "nobody"
    when = f", {item.at.astimezone(zone):%H:%M}" if item.at is not None and heading is Heading.COMPLETED else ""
    note = f": {escaped(_cut(item.note))}" if item.note else ""
    return f"- **{item.task}** {escaped(item.title)} ({who}{when}){note}"


def _members(members: Sequence[Member], zone: tzinfo) -> Iterator[str]:
    yield from ("", "## Agents", "")
    yield "| agent | status | succeeded | failed | running | waiting | last heartbeat |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for member in members:
        last = "never" if member.last_heartbeat_at is None else _moment(member.last_heartbeat_at, zone)
        numbers = f"{member.succeeded} | {member.failed} | {member.live} | {member.waiting}"
        yield f"| {escaped(member.name)} | {member.status} | {numbers} | {last} |"


def _line(line: Line, zone: tzinfo) -> str:
    task = f" **{line.task}** {escaped(line.title)}".rstrip() + "," if line.task else ""
    message = f": {escaped(_cut(line.message))}" if line.message else ""
    what = f"{escaped(line.what.replace('_', ' '))} by {escaped(line.who)}"
    return f"- {line.at.astimezone(zone):%H:%M}{task} {what}{message}"


def _moment(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"
