"""The squad: whose heart beats, who works on what, how it went; and one agent with its queue and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.dashboard.pulse import Pulse, Record, pulse, record
from mission_control.domain import limits
from mission_control.errors import NotFound
from mission_control.interfaces.cli.looks import hold_text
from mission_control.interfaces.cli.souls import write_soul
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages.desk import Call, Done, acts, page, shows
from mission_control.interfaces.web.pages.lanes import DEFAULT_WINDOW, MOST_BARS, WINDOWS, Lanes, lanes
from mission_control.interfaces.web.pages.task import read_text
from mission_control.squad import NewAgent
from mission_control.store import overview, tasks
from mission_control.views import AgentView

LATELY = timedelta(days=7)
QUEUE = 50
PULSE_WORDS: Mapping[Pulse, str] = {
    Pulse.STEADY: "steady",
    Pulse.LATE: "late",
    Pulse.MISSING: "no heartbeat",
    Pulse.NEVER: "no heartbeat yet",
    Pulse.PAUSED: "paused",
}


@dataclass(frozen=True)
class Member:
    """An agent as its card shows it."""

    view: AgentView
    pulse: Pulse
    record: Record
    why: str  # what it would do next, and what keeps it from that


def routes() -> list[BaseRoute]:
    return [
        shows("/agents", show),
        acts("/agents", add),
        shows("/agents/{name}", show_one),
        acts("/agents/{name}/edit", edit),
        acts("/agents/{name}/pause", pause),
        acts("/agents/{name}/resume", resume),
        acts("/mission/pause", pause_all),
        acts("/mission/resume", resume_all),
    ]


def show(mission: Mission, request: Request) -> Response:
    members = _members(mission)
    window, picture = _lanes(mission, request, [member.view.agent.name for member in members])
    return page(
        request,
        mission,
        "agents.html",
        path="/agents",
        members=members,
        running=sum(member.view.live for member in members),
        adds=bool(request.query_params.get("add")),
        window=window,
        lanes=picture,
        **_form(mission),
    )


def show_one(mission: Mission, request: Request) -> Response:
    name = mission.views.resolve_agent(request.path_params["name"])
    member = next((member for member in _members(mission) if member.view.agent.name == name), None)
    if member is None:
        raise NotFound(f"There is no agent {name} any more.")
    window, picture = _lanes(mission, request, [name], name)
    with mission.store.snapshot():
        queue = mission.views.explained(tasks.queue(mission.store, name, QUEUE))
    return page(
        request,
        mission,
        "agent.html",
        path="/agents",
        member=member,
        queue=queue,
        soul=read_text(mission.folder.soul(name)),
        working=read_text(mission.folder.working(name)),
        window=window,
        lanes=picture,
        **_form(mission),
    )


def _form(mission: Mission) -> dict[str, Any]:
    """What the fields of an agent offer."""
    return {
        "runners": mission.squad.runners,
        "default_slots": mission.config.slots,
        "pulse_words": PULSE_WORDS,
    }


def _members(mission: Mission) -> list[Member]:
    now, zone = mission.clock.now(), mission.config.zone
    lately = overview.outcomes_by_agent(mission.store, now - LATELY)
    return [
        Member(
            view,
            pulse(view.agent, now, zone),
            record(lately.get(view.agent.name, {})),
            why=_why(view, now),
        )
        for view in mission.views.status().agents
    ]


def _why(view: AgentView, now: datetime) -> str:
    holds = "; ".join(hold_text(hold, now) for hold in view.holds)
    if view.next_task is None:
        return holds or "Nothing to do"
    return f"{view.next_task.name} {holds}" if holds else f"{view.next_task.name} is next: {view.next_task.title}"


def _lanes(mission: Mission, request: Request, agents: list[str], only: str | None = None) -> tuple[str, Lanes]:
    chosen = request.query_params.get("window", "")
    name = chosen if chosen in WINDOWS else DEFAULT_WINDOW
    now = mission.clock.now()
    bars = overview.bars(mission.store, now - WINDOWS[name], only, limit=MOST_BARS)
    return name, lanes(bars, agents, now=now, window=WINDOWS[name])


def add(call: Call) -> Done:
    """A new member of the squad, with a first SOUL.md."""
    new = NewAgent(
        name=limits.agent_name(call.text("name")),
        role=call.text("role"),
        runner=call.text("runner") or "shell",
        model=call.text("model") or None,
        slots=call.number("slots", "The number of slots"),
        schedule=call.text("schedule") or None,
        host=call.text("host") or None,
        review=bool(call.text("review")),
    )
    agent = call.mission.squad.add(new, actor=call.actor)
    write_soul(call.mission.folder, agent.name, agent.role)
    return Done(f"{agent.name} has joined the squad.", f"/agents/{agent.name}")


def edit(call: Call) -> Done:
    """Change what differs; what runs goes on as it was started."""
    name = call.mission.views.resolve_agent(call.path["name"])
    agent = call.mission.views.agent(name).agent
    wanted: dict[str, Any] = {
        "role": call.text("role"),
        "runner": call.text("runner") or agent.runner,
        "model": call.text("model") or None,
        "slots": call.number("slots", "The number of slots") or agent.slots,
        "schedule": call.text("schedule") or agent.schedule,
        "host": call.text("host") or None,
        "review": bool(call.text("review")),
    }
    changes = {field: value for field, value in wanted.items() if value != getattr(agent, field)}
    if changes:
        call.mission.squad.edit(name, changes, actor=call.actor)
    return Done(f"{name} saved." if changes else "Nothing was changed.", f"/agents/{name}")


def pause(call: Call) -> Done:
    name = call.mission.views.resolve_agent(call.path["name"])
    call.mission.squad.pause(name, actor=call.actor)
    return Done(f"{name} is paused; what runs goes on.")


def resume(call: Call) -> Done:
    name = call.mission.views.resolve_agent(call.path["name"])
    call.mission.squad.resume(name, actor=call.actor)
    return Done(f"{name} takes tasks again.")


def pause_all(call: Call) -> Done:
    call.mission.squad.pause_all(actor=call.actor)
    return Done("Nobody starts anything; what runs goes on.")


def resume_all(call: Call) -> Done:
    call.mission.squad.resume_all(actor=call.actor)
    return Done("The squad takes tasks again.")
