"""The mission as a whole: status, figures, history, logs, pause, heartbeats, doctor, backups."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from mission_control.domain import limits
from mission_control.errors import InvalidInput
from mission_control.interfaces import shapes
from mission_control.interfaces.log_lines import LEVELS, latest, log_files, make_filter
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.api import models
from mission_control.interfaces.web.api.answers import Asked, Changed, Document, noun, shape
from mission_control.interfaces.web.api.tasks import Limit
from mission_control.interfaces.web.command import run_command

router = noun("", "mission")
EVER = "ever"


@router.get("/status", responses=shape(models.MissionStatus))
def status(asked: Asked) -> Response:
    """Machines, agents, live attempts, how many tasks stand where."""

    def look(mission: Mission) -> Document:
        there = mission.resident.occupant()
        view = mission.views.status(there.host if there else None)
        gone = {live.attempt.name for live in view.live if not mission.is_executing(live.attempt)}
        if gone:  # an executor may have recorded its end and left between the two looks
            view = mission.views.status(there.host if there else None)
            gone &= {live.attempt.name for live in view.live}
        return shapes.status_json(view, gone, there)

    return asked.find(look)


@router.get("/stats", responses=shape(models.Stats))
def stats(
    asked: Asked,
    since: Annotated[str, Query(description=f"An instant, a duration before now, or `{EVER}`.")] = "7d",
    agent: str | None = None,
) -> Response:
    """Executions, success, waits, durations, tokens and cost, in total and per agent."""

    def look(mission: Mission) -> Document:
        name = None if agent is None else mission.views.resolve_agent(agent)
        now = mission.clock.now()
        if since.strip().lower() == EVER:
            return shapes.stats_json(mission.views.stats(None, name))
        try:
            begin = now - limits.duration(since)
        except InvalidInput:
            begin = limits.instant(since, now)
        return shapes.stats_json(mission.views.stats(begin, name))

    return asked.find(look)


@router.get("/activities", responses=shape(list[models.Activity]))
def activities(
    asked: Asked,
    after: Annotated[int | None, Query(ge=0, lt=2**62, description="What came after this line.")] = None,
    agent: str | None = None,
    limit: Limit = 100,
) -> Response:
    """The history, oldest first: what came after a line, else the newest lines."""

    def look(mission: Mission) -> Document:
        name = None if agent is None else mission.views.resolve_agent(agent)
        found = mission.views.activities(after, name, limit=limit)
        return [shapes.activity_json(activity) for activity in found]

    return asked.find(look)


@router.get("/logs", responses=shape(list[models.LogLine]))
def logs(
    asked: Asked,
    agent: str | None = None,
    level: Literal["info", "warning", "error"] = "info",
    limit: Limit = 100,
) -> Response:
    """The newest lines of the logs of one agent, or of everybody, by time."""

    def look(mission: Mission) -> Document:
        name = None if agent is None else mission.views.resolve_agent(agent)
        least = level.upper() if level.upper() != LEVELS[0] else None
        found = latest(log_files(mission.folder.home / "logs", name), make_filter(least, None), limit)
        return [shapes.log_line_json(line) for line in found]

    return asked.find(look)


@router.post("/pause", responses=shape(models.Paused))
def pause(asked: Asked) -> Response:
    """Let nobody start anything, on any machine; what runs goes on."""
    return asked.change(
        lambda mission: Changed({"paused": shapes.pause_json(mission.squad.pause_all(actor=asked.actor))})
    )


@router.post("/resume", responses=shape(models.Paused))
def resume(asked: Asked) -> Response:
    """Let the squad start tasks again."""

    def work(mission: Mission) -> Changed:
        mission.squad.resume_all(actor=asked.actor)
        return Changed({"paused": None})

    return asked.change(work)


@router.post("/heartbeats", responses=shape(list[models.Report]))
def heartbeat(asked: Asked, given: models.HeartbeatIn) -> Response:
    """Wake agents up, in a process of its own as cron does: whatever becomes of that, this one goes on."""

    def work(mission: Mission) -> Document:
        names = [mission.views.resolve_agent(name) for name in given.agents]
        options = [*(["--dry-run"] if given.dry_run else []), *(["--all"] if given.everybody else [])]
        reports: Document = run_command(mission, "heartbeat", *options, *names)
        return reports

    return asked.do(work)


@router.get("/doctor", responses=shape(models.Shape))
def doctor(asked: Asked) -> Response:
    """Whether the mission is in order, and what to do."""
    return asked.do(lambda mission: run_command(mission, "doctor"))


@router.get("/backups", responses=shape(list[models.Shape]))
def backups(asked: Asked) -> Response:
    """Those in the mission's folder."""
    return asked.do(lambda mission: run_command(mission, "backup", "list"))


@router.post("/backups", status_code=201, responses=shape(models.Shape, 201, "Made"))
def back_up(asked: Asked) -> Response:
    """Copy the mission while everything runs."""
    return asked.do(lambda mission: run_command(mission, "backup", "make"), 201)


@router.get("/version", responses=shape(models.Shape))
def version(asked: Asked) -> Response:
    """Which program this is."""
    return asked.do(lambda mission: run_command(mission, "version"))
