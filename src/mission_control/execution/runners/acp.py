"""Any agent that speaks the Agent Client Protocol: `opencode acp`, `gemini --acp`, `claude-agent-acp`, `codex-acp`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.program import About, Start, Turn
from mission_control.execution.protocols.listening import Listener, start
from mission_control.execution.runners.custom import filled

CHOICES = ("permissions", "rules", "mode", "sign_in_by")  # settings that the program takes as they are
ASKED = ".missionctl-asked.json"  # in the state, which a session that is gone on with keeps
ABOUT = About(
    what="any agent that speaks the Agent Client Protocol",
    capabilities=Capabilities(resume=True, stream=True, usage=True, cost=True, model=True),
    sign_in="Start the agent once by hand and sign in, or pass it its key with pass_environment.",
)


def described(settings: Mapping[str, Any]) -> About:
    """The model is for agents whose command has a place for it."""
    words = settings.get("command")
    if words is None:
        return replace(ABOUT, what=f"{ABOUT.what}; name its command")
    has_place = any("{model}" in word for word in words)
    return replace(ABOUT, capabilities=replace(ABOUT.capabilities, model=has_place))


class Conversation(Listener):
    """Speaks with `python -m mission_control.execution.protocols.acp`."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn

    def start(self) -> Start:
        turn, settings = self._turn, self._turn.settings
        places = {"model": turn.model or "", "workspace": str(turn.workspace), "state": str(turn.state)}
        places |= {"task": turn.task.name, "agent": turn.agent, "session": "", "prompt_file": ""}
        fields = {
            "argv": [*filled(settings.get("command", []), places), *settings.get("arguments", [])],
            "workspace": str(turn.workspace),
            "session": turn.session,
            "asked_file": str(turn.state / ASKED),
            "decided": turn.answer,
            **{name: settings[name] for name in CHOICES if name in settings},
        }
        return start("acp", turn, fields)
