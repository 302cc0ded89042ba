"""`missionctl mcp`: the tools of an agent at work, for programs that speak MCP."""

from __future__ import annotations

from functools import partial

from mission_control.interfaces.cli.command import INSIDE_ONLY, command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_json


@command("mcp", examples=("missionctl mcp", "missionctl mcp --json"), exits=INSIDE_ONLY, inside=True)
def mcp(session: Session) -> None:
    """Serve the tools of an agent at work over MCP, on standard input and output, until the input ends.

    Programs start it by themselves: `missionctl prime --mcp` prints what to tell them. With --json it prints the
    tools instead.
    """
    # Imported here: half a second that only this costs.
    from mission_control.interfaces.mcp import serve_stdio, tools_json

    if session.as_json:
        _ = session.mission  # as for every command about a mission
        print_json(tools_json())
        return
    _ = session.speaker
    serve_stdio(partial(session.application.open, session.home, session.host), session.key)
