"""A standup as JSON: what is kept of it, and what every interface gives. Keys may be added, never renamed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from mission_control.domain.standup import Day, Heading, Item, Line, Member, Section, Standup
from mission_control.domain.task import Status

Json = dict[str, Any]


def as_json(standup: Standup) -> Json:
    """The whole of it. Sections that are not known are missing, and `counts` is empty then."""
    return {
        "date": standup.day.isoformat(),
        "since": _text(standup.since),
        "until": _text(standup.until),
        "made_at": _text(standup.made_at),
        "timezone": standup.timezone,
        "figures": asdict(standup.figures),
        "before": asdict(standup.before),
        "sections": {str(heading): _section_json(section) for heading, section in standup.sections.items()},
        "agents": [
            {**asdict(member), "last_heartbeat_at": _text(member.last_heartbeat_at)} for member in standup.members
        ],
        "activity": [{**asdict(line), "at": _text(line.at)} for line in standup.lines],
        "counts": {str(status): count for status, count in standup.counts.items()},
    }


def _section_json(section: Section) -> Json:
    return {"total": section.total, "tasks": [_item_json(item) for item in section.items]}


def _item_json(item: Item) -> Json:
    return {
        "id": item.task,
        "title": item.title,
        "agents": list(item.agents),
        "at": _text(item.at),
        "note": item.note,
    }


def from_json(content: Mapping[str, Any]) -> Standup:
    """The standup that was kept."""
    return Standup(
        day=date.fromisoformat(content["date"]),
        since=datetime.fromisoformat(content["since"]),
        until=datetime.fromisoformat(content["until"]),
        made_at=datetime.fromisoformat(content["made_at"]),
        timezone=content["timezone"],
        figures=Day(**content["figures"]),
        before=Day(**content["before"]),
        sections={Heading(name): _section(section) for name, section in content["sections"].items()},
        members=tuple(
            Member(**{**member, "last_heartbeat_at": _instant(member["last_heartbeat_at"])})
            for member in content["agents"]
        ),
        lines=tuple(Line(**{**line, "at": _instant(line["at"])}) for line in content["activity"]),
        counts={Status(status): count for status, count in content["counts"].items()},
    )


def _section(content: Mapping[str, Any]) -> Section:
    items = [
        Item(item["id"], item["title"], tuple(item["agents"]), _instant(item["at"]), item["note"])
        for item in content["tasks"]
    ]
    return Section(tuple(items), content["total"])


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
