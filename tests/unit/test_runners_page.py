"""docs/runners.md says what the code says. `python tests/unit/test_runners_page.py` writes its tables anew."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.program import about
from mission_control.execution.runners import CUSTOM, RUNNERS
from mission_control.runner_settings import checked
from support.real_agents import AGENTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "runners.md"
EXAMPLE = ROOT / "examples" / "runners"
_NAMES = [name for name, _ in Capabilities().items()]


def capabilities() -> str:
    """The table runner x capability."""
    modules = {name: runner.module for name, runner in RUNNERS.items() if runner.module} | {CUSTOM: CUSTOM}
    lines = [f"| runner | {' | '.join(_NAMES)} | drives |", f"|---|{'---|' * len(_NAMES)}---|"]
    for name, module in modules.items():
        said = about(module, {}) if name != CUSTOM else about(module, _everything())
        marks = " | ".join("✓" if has else "" for _, has in said.capabilities.items())
        lines.append(f"| `{name}` | {marks} | {said.what} |")
    return "\n".join(lines)


def _everything() -> dict[str, object]:
    """Settings that say all that may be said: what a runner of one's own can do at most."""
    named = dict.fromkeys(("session", "tokens_in", "cost_usd"), "x")
    return {"command": ["x", "{model}"], "resume": ["{session}"], **named}


def versions() -> str:
    """The table of what ran."""
    lines = ["| runner | package | version |", "|---|---|---|"]
    lines += [f"| `{a.runner}` | `{a.package.name}` | {a.package.version} |" for a in AGENTS.values()]
    return "\n".join(lines)


TABLES = {"capabilities": capabilities, "versions": versions}


def written(page: str) -> str:
    """The page with its tables as the code has them."""
    for name, table in TABLES.items():
        between = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end of the {name} -->)", re.DOTALL)
        page = between.sub(rf"\g<1>{table()}\n\g<2>", page)
    return page


def test_the_tables_of_the_page_are_what_the_code_says():
    page = PAGE.read_text(encoding="utf-8")
    assert capabilities() in page and versions() in page
    assert written(page) == page, "run: python tests/unit/test_runners_page.py"


def test_the_settings_on_the_page_are_settings():
    tables = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(tables) >= 3
    for table in tables:
        checked(tomllib.loads(table)["runners"])


@pytest.mark.parametrize("prompt", ["Count these four words", ""])
def test_the_example_of_an_own_agent_is_understood_by_its_settings(tmp_path, prompt):
    settings = checked(tomllib.loads((EXAMPLE / "mission.toml").read_text())["runners"])["own"]
    assert len((EXAMPLE / "own_agent.py").read_text().splitlines()) <= 40
    words = [sys.executable, str(EXAMPLE / "own_agent.py"), "--resume", "s-1"]
    done = subprocess.run(words, input=prompt, cwd=tmp_path, capture_output=True, check=False, text=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    said = {name: event for event in events for name in event}
    assert said["session"] == {"session": {"id": "s-1"}} and settings["session"] == "session.id"
    assert ("answer" in said) == (done.returncode == 0) == bool(prompt)
    assert ("error" in said) == (not prompt)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
