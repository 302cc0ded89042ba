"""What one call of the command knows: which mission, who calls, how to print."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from mission_control.config import process_environment
from mission_control.domain import limits
from mission_control.errors import NotPermitted
from mission_control.interfaces.mission import Application, Mission

if TYPE_CHECKING:
    from mission_control.domain.report import Speaker


class Session:
    """One call of `missionctl`. The mission is opened when first asked for."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.home: str | None = None
        self.host: str | None = None  # what the board is to call this machine; null: as in the settings
        self.as_json = False
        self.no_color = bool(process_environment().get("NO_COLOR"))
        self._mission: Mission | None = None

    @property
    def mission(self) -> Mission:
        """The open mission. Raises NoMission, ConfigInvalid or Unavailable."""
        if self._mission is None:
            self._mission = self.application.open(self.home, self.host)
        return self._mission

    @property
    def opened(self) -> Mission | None:
        """The mission if it was opened, for whoever cleans up or reports."""
        return self._mission

    def adopt(self, mission: Mission) -> None:
        """Go on with a mission that was just made."""
        self._mission = mission

    def close(self) -> None:
        """Close the mission if it was opened."""
        if self._mission is not None:
            self._mission.close()
            self._mission = None

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads standard output directly; then tables and colours, else plain text."""
        return not self.as_json and _is_terminal(sys.stdout)

    @property
    def can_ask(self) -> bool:
        """Whether a question would reach a person."""
        return not self.as_json and _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    @property
    def now(self) -> datetime:
        return self.mission.clock.now()

    @property
    def is_inside(self) -> bool:
        """Whether an agent at work calls, and so may do little; also where somebody took its key away."""
        environment = process_environment()
        return "MISSIONCTL_KEY" in environment or "MISSIONCTL_ATTEMPT" in environment

    @property
    def key(self) -> str:
        """The key of the attempt from which this is called. Raises NotPermitted outside of one."""
        key = process_environment().get("MISSIONCTL_KEY", "")
        if not key and self.is_inside:
            raise NotPermitted(
                "MISSIONCTL_KEY is missing, as where an agent program hides it from its commands. "
                "Let it through, or use the tools of `missionctl mcp`."
            )
        if not key:
            raise NotPermitted("Only an agent at work has something to report: there is no MISSIONCTL_KEY here.")
        return key

    @cached_property
    def speaker(self) -> Speaker:
        """The live attempt from which this is called. Raises NotPermitted where there is none."""
        return self.mission.reporting.speaker(self.key)

    @property
    def actor(self) -> str:
        """Who does this: inside an attempt its agent, else the user of this process."""
        if self.is_inside:
            return self.speaker.agent
        agent = process_environment().get("MISSIONCTL_AGENT")
        return limits.agent_name(agent) if agent else _user_name()


def _is_terminal(stream: TextIO | None) -> bool:
    """False for a stream that was closed before the start."""
    return stream is not None and stream.isatty()


def _user_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        return f"uid-{os.getuid()}"
