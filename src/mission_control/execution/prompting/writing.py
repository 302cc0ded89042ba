"""Filling the template, and keeping what came out."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mission_control.config import Config
from mission_control.domain.attempt import Attempt
from mission_control.domain.key import without_keys
from mission_control.errors import InvalidInput
from mission_control.execution.prompting.fencing import fenced
from mission_control.execution.prompting.fitting import fit
from mission_control.execution.prompting.gathering import Material
from mission_control.execution.prompting.remembering import remember
from mission_control.execution.prompting.story import Story, tell
from mission_control.folder import Folder, write_private

if TYPE_CHECKING:
    from jinja2 import Template

NAME = "prompt.md"
TEMPLATE = "prompt.md.j2"  # where somebody has one of their own
_DEFAULT = Path(__file__).with_name("default.md.j2")


def write(material: Material, config: Config, now: datetime, *, going_on_from: Attempt | None) -> Path:
    """The file with what the agent is told, whole or, to a session that goes on, what is new.

    Raises InvalidInput for a template that cannot be filled or is too long, with its place in it.
    """
    folder = Folder(config.home)
    remembered = remember(folder, material.agent.name, now.astimezone(config.zone).date())
    story = tell(material, remembered, going_on_from=going_on_from)
    render = partial(_render, *_template(folder, material.agent.name))
    text = without_keys(fit(story, render, config.max_prompt_characters))
    path = folder.attempt(material.attempt.task_id, material.attempt.number) / NAME
    write_private(path, text.encode("utf-8", "replace"))
    return path


def _template(folder: Folder, agent: str) -> tuple[Template, Path]:
    """The agent's own, else the mission's, else ours."""
    own = folder.soul(agent).parent / TEMPLATE
    places = (own, folder.home / "templates" / TEMPLATE, _DEFAULT)
    path = next(place for place in places if place.is_file())
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # A sandbox: agents can write into the mission's folder, and a template must not become a program of theirs.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["fenced"] = fenced
    try:
        return environment.from_string(path.read_text(encoding="utf-8")), path
    except (TemplateError, ValueError) as fault:
        raise _unfit(path, fault) from None


def _render(template: Template, path: Path, story: Story) -> str:
    from jinja2 import TemplateError

    try:
        return template.render(vars(story))
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as fault:
        raise _unfit(path, fault) from None


def _unfit(path: Path, fault: Exception) -> InvalidInput:
    line = getattr(fault, "lineno", None)
    return InvalidInput(f"The template {path}{f', line {line},' if line else ''} cannot be used: {fault}")
