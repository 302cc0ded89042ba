"""Our MCP server, as an agent's program is told of it: what starts it, and which variables it must find.

The key of the attempt is named and never written down: programs hand the variable on, or put its value in themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

NAME = "mission_control"
PASSED = ("MISSIONCTL_HOME", "MISSIONCTL_KEY", "MISSIONCTL_TASK", "MISSIONCTL_ATTEMPT", "MISSIONCTL_AGENT")


def are_there(environment: Mapping[str, str]) -> bool:
    """Whether there is a board to report to: in an attempt, not where a program is only tried out."""
    return "MISSIONCTL_KEY" in environment


def command() -> list[str]:
    """The words that start it, wherever `missionctl` is installed."""
    return [sys.executable, "-P", "-m", "mission_control", "mcp"]
