"""Any model behind an OpenAI-compatible chat endpoint, with four small tools in the attempt's workspace."""

from __future__ import annotations

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.program import About, Start, Turn
from mission_control.execution.protocols.listening import Listener, start

OPENAI = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
LIMITS = ("max_turns", "command_seconds", "silence_seconds")  # settings that the program takes as they are
ABOUT = About(
    what="any model behind an OpenAI-compatible endpoint, with tools of ours",
    capabilities=Capabilities(resume=True, stream=True, usage=True, model=True),
    sign_in=f"Let missionctl be started with {KEY}, or with the variable that key_variable names.",
)


class Conversation(Listener):
    """Speaks with `python -m mission_control.execution.protocols.openai`."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn

    def start(self) -> Start:
        turn, settings = self._turn, self._turn.settings
        fields = {
            "base_url": settings.get("url") or turn.environment.get("OPENAI_BASE_URL") or OPENAI,
            "model": turn.model or "",
            "key_name": settings.get("key_variable", KEY),
            "workspace": str(turn.workspace),
            "conversations": str(turn.state / "conversations"),
            "session": turn.session or turn.attempt.replace("/", "-"),
            "goes_on": turn.session is not None,
            **{name: settings[name] for name in LIMITS if name in settings},
        }
        return start("openai", turn, fields)
