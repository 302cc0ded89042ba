"""The squad."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from mission_control.interfaces import shapes
from mission_control.interfaces.cli.souls import write_soul
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.api import models
from mission_control.interfaces.web.api.answers import Asked, Asking, Changed, noun, shape
from mission_control.squad import NewAgent

router = noun("/agents", "agents")


@router.get("", responses=shape(list[models.Agent]))
def list_agents(asked: Asked) -> Response:
    """The squad, by name."""
    return asked.find(lambda mission: [shapes.agent_json(view) for view in mission.views.agents()])


@router.post("", status_code=201, responses=shape(models.Agent, 201, "Joined"))
def add_agent(asked: Asked, new: models.NewAgentIn) -> Response:
    """Let an agent join. One that was removed comes back with its history."""

    def work(mission: Mission) -> Changed:
        agent = mission.squad.add(NewAgent(**new.model_dump(exclude_none=True)), actor=asked.actor)
        write_soul(mission.folder, agent.name, agent.role)
        return Changed(_document(mission, agent.name), 201)

    return asked.change(work, new)


@router.get("/{name}", responses=shape(models.Agent))
def show_agent(asked: Asked, name: str) -> Response:
    """One member of the squad."""
    return asked.find(lambda mission: _document(mission, mission.views.resolve_agent(name)))


@router.patch("/{name}", responses=shape(models.Agent))
def edit_agent(asked: Asked, name: str, fields: models.AgentFields) -> Response:
    """Change what is given."""

    def work(mission: Mission) -> Changed:
        known = mission.views.resolve_agent(name)
        asked.expect(_document(mission, known))
        mission.squad.edit(known, fields.model_dump(exclude_none=True), actor=asked.actor)
        return Changed(_document(mission, known))

    return asked.change(work, fields)


@router.delete("/{name}", responses=shape(models.Shape))
def remove_agent(asked: Asked, name: str) -> Response:
    """Take an agent out of the squad; its history stays. Refused while unfinished tasks name it."""

    def work(mission: Mission) -> Changed:
        known = mission.views.resolve_agent(name)
        asked.expect(_document(mission, known))
        mission.squad.remove(known, actor=asked.actor)
        return Changed({"removed": [known]})

    return asked.change(work)


@router.post("/{name}/pause", responses=shape(models.Agent))
def pause_agent(asked: Asked, name: str) -> Response:
    """Let an agent start nothing more; what runs goes on."""
    return _one(asked, name, lambda mission, known: mission.squad.pause(known, actor=asked.actor))


@router.post("/{name}/resume", responses=shape(models.Agent))
def resume_agent(asked: Asked, name: str) -> Response:
    """Let a paused agent take tasks again."""
    return _one(asked, name, lambda mission, known: mission.squad.resume(known, actor=asked.actor))


def _one(asked: Asking, name: str, change: Callable[[Mission, str], object]) -> Response:
    def work(mission: Mission) -> Changed:
        known = mission.views.resolve_agent(name)
        change(mission, known)
        return Changed(_document(mission, known))

    return asked.change(work)


def _document(mission: Mission, name: str) -> shapes.Json:
    return shapes.agent_json(mission.views.agent(name))
