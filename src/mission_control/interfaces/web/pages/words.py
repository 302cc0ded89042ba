"""How facts read on a page: the filters that templates use. The words are those of the terminal."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from jinja2 import Environment

from mission_control.domain.attempt import Outcome
from mission_control.domain.history import Activity
from mission_control.domain.readiness import Hold
from mission_control.domain.task import Event, Status
from mission_control.interfaces.cli.looks import elapsed_text, hold_text, local_text, relative, span
from mission_control.interfaces.shapes import instant_text
from mission_control.interfaces.web.pages.markdown import markdown
from mission_control.views import TaskView

FACES = 6  # colours of the squares before names, see app.css
LINE_CHARACTERS = 200

_VERBS: Mapping[str, str] = {
    Event.CLAIM: "claimed it",
    Event.APPROVE: "approved it",
    Event.REJECT: "sent it back",
    Event.RETRY: "put it back into the inbox",
    Event.ANSWER: "answered, and put it back",
    Event.CANCEL: "cancelled it",
    "cancel_requested": "asked to cancel it",
    "added": "added it",
    "edited": "edited",
    "commented": "wrote a",
    "deleted": "deleted",
    "dependency_added": "lets it wait",
    "dependency_removed": "no longer lets it wait",
    "agent_added": "welcomed",
    "agent_edited": "changed",
    "agent_paused": "paused",
    "agent_resumed": "resumed",
    "agent_removed": "removed",
    "mission_paused": "paused the mission",
    "mission_resumed": "resumed the mission",
}
_LED_TO: Mapping[Status, str] = {
    Status.INBOX: ", back in the inbox",
    Status.REVIEW: ", now a person reviews it",
    Status.BLOCKED: ", now blocked",
}
_ICONS: Mapping[str, str] = {
    Event.CLAIM: "running",
    Event.APPROVE: "succeeded",
    Event.REJECT: "released",
    Event.RETRY: "retry",
    Event.ANSWER: "comment",
    Event.CANCEL: "cancelled",
    "cancel_requested": "cancelled",
    "added": "plus",
    "commented": "comment",
    "dependency_added": "link",
    "dependency_removed": "link",
    **{outcome.value: outcome.value for outcome in Outcome},
}


def add_filters(environment: Environment) -> None:
    """Let templates of this environment use all of them."""
    environment.filters.update(
        words=words,
        exact=instant_text,
        local=local_text,
        ago=relative,
        elapsed=lambda moment, now: elapsed_text(now - moment),
        clock=lambda moment: moment.astimezone().strftime("%H:%M:%S"),
        span=span,
        seconds=lambda seconds: span(timedelta(seconds=seconds)),
        duration=duration,
        percent=percent,
        face=lambda name: zlib.crc32(name.encode()) % FACES,
        first_line=first_line,
        card_why=card_why,
        activity_text=activity_text,
        activity_icon=lambda line: _ICONS.get(line.kind, "activity"),
        with_parameter=with_parameter,
        markdown=markdown,
    )


def words(value: str) -> str:
    """`in_progress` as people write it."""
    return value.replace("_", " ")


def duration(seconds: float) -> str:
    """As somebody would type it: `30m`, `90s`.

    >>> duration(1800), duration(90), duration(5400)
    ('30m', '90s', '90m')
    """
    return f"{seconds / 60:g}m" if seconds % 60 == 0 else f"{seconds:g}s"


def percent(share: float) -> str:
    """One decimal where it says something: `100%`, `97.2%`, `0%`.

    >>> percent(1), percent(0.9721), percent(0)
    ('100%', '97.2%', '0%')
    """
    return f"{share:.1%}".replace(".0%", "%")


def first_line(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LINE_CHARACTERS else f"{line[: LINE_CHARACTERS - 1]}…"


def why(holds: Iterable[Hold], now: datetime) -> str:
    """Everything that keeps a task from starting, in one sentence."""
    return "; ".join(hold_text(hold, now) for hold in holds)


def card_why(view: TaskView, now: datetime) -> str:
    """What a card says below its title; empty where its column says it all."""
    match view.task.status:
        case Status.BLOCKED:
            return view.task.reason or ""
        case Status.INBOX:
            return why(view.holds, now)
        case Status.IN_PROGRESS if view.task.cancel_requested_at:
            return "being cancelled"
        case _:
            return ""


def activity_text(line: Activity) -> str:
    """Who did what, with where it led."""
    if line.kind in frozenset(Outcome):
        whose = line.agent or line.actor
        return f"{whose}: {words(line.kind)}{_LED_TO.get(line.to_status or Status.DONE, '')}"
    if line.kind == Event.CLAIM:
        return f"{line.agent or line.actor} claimed it"
    whom = f" {line.agent}" if line.kind.startswith("agent_") and line.agent else ""
    return f"{line.actor} {_VERBS.get(line.kind, words(line.kind))}{whom}"


def with_parameter(query: Iterable[tuple[str, str]], name: str, value: object) -> str:
    """The address of this page with one parameter changed; `?…`, or `?` alone."""
    kept = [(known, text) for known, text in query if known != name and text]
    return f"?{urlencode([*kept, (name, value)] if name else kept)}"
