"""`missionctl prime`: what agents should know about missionctl."""

from __future__ import annotations

import json
import os

import click

from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_json

_TEXTS = os.path.join(os.path.dirname(__file__), "texts")
MCP_SNIPPET = {"mcpServers": {"mission_control": {"command": "missionctl", "args": ["mcp"]}}}


@command(
    "prime",
    examples=(
        "missionctl prime >> AGENTS.md",
        "missionctl prime --skill > .claude/skills/missionctl/SKILL.md",
        "missionctl prime --mcp > .mcp.json",
    ),
    needs_mission=False,
    inside=True,
)
@click.option("--skill", is_flag=True, help="A whole SKILL.md instead.")
@click.option("--mcp", is_flag=True, help="A .mcp.json instead, which names our MCP server.")
def prime(session: Session, *, skill: bool, mcp: bool) -> None:
    """Print what to paste into AGENTS.md or CLAUDE.md, so that an agent knows how to report."""
    if skill and mcp:
        raise InvalidInput("Give --skill or --mcp, not both.")
    if mcp:
        text = json.dumps(MCP_SNIPPET, indent=2) + "\n"
    else:
        with open(os.path.join(_TEXTS, "SKILL.md" if skill else "prime.md"), encoding="utf-8") as file:
            text = file.read()
    if session.as_json:
        print_json({"text": text})
    else:
        click.echo(text, nl=False)
