"""What `[runners.NAME]` may say of a runner that speaks a protocol."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mission_control.execution.runners import find, names
from mission_control.runner_settings import checked

PAGE = Path(__file__).parents[2] / "docs" / "protocol-runners.md"


def test_a_runner_of_ones_own_is_driven_as_its_protocol_is():
    settings = checked({"local": {"protocol": "openai", "key_variable": "LOCAL_KEY"}, "acp": {"command": ["agent"]}})
    assert names(settings)[-1] == "local" and names(settings).count("acp") == 1
    local = find("local", settings)
    assert local is not None and (local.name, local.module) == ("local", "openai")
    assert "LOCAL_KEY" in local.passes


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"x": {"protocol": "mcp"}}, "must be one of acp, openai"),
        ({"x": {"protocol": "acp", "max_turns": 3}}, "has x.max_turns, which is for runners with protocol = 'openai'"),
        ({"openai": {"rules": []}}, "has openai.rules, which is for runners with protocol = 'acp'"),
        ({"claude": {"mode": "plan"}}, "has claude.mode, which is for runners with protocol = 'acp'"),
        ({"acp": {"command": ["x"], "prompt": "stdin"}}, "has acp.prompt, which is not for a runner that speaks"),
        ({"openai": {"max_turns": 0}}, "must be a number from 1 to 10000"),
        ({"openai": {"max_turns": True}}, "must be a number"),
        ({"acp": {"permissions": "maybe"}}, "must be one of allow, reject, ask"),
        ({"acp": {"rules": {"answer": "ask"}}}, "must be a list of tables"),
        ({"acp": {"rules": [{"answer": "no"}]}}, "must be one of allow, reject, ask"),
        ({"acp": {"rules": [{"answer": "ask", "tool": "rm"}]}}, "has a rule with tool; known are answer, kind, title"),
        ({"acp": {"rules": [{"answer": "ask", "title": ["rm"]}]}}, "has a rule whose kind or title is no text"),
    ],
)
def test_what_they_may_not_say_is_refused_by_name(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        checked(settings)


def test_the_settings_on_the_page_are_settings():
    tables = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(tables) == 2
    for table in tables:
        checked(tomllib.loads(table)["runners"])
