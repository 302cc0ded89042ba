"""A runner of the mission's own: a program named in mission.toml, words of its command line with places to fill in.

Nothing of a task ever becomes a word by itself: a place is filled inside the word that names it, and no shell looks at
it. A word whose place is empty, such as `--model={model}` for an agent without one, is left out; so is an option before
a word that is nothing but such a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.events import amount_at, count_at, event_of, text_at
from mission_control.execution.driving.program import About, Start, Turn
from mission_control.execution.report import Judgement, Report

ABOUT = About(
    what="any program, named in mission.toml with the words of its command line",
    capabilities=Capabilities(resume=True, stream=True, usage=True, cost=True, model=True),
)


def described(settings: Mapping[str, Any]) -> About:
    """What a runner with these settings can do: whatever they say how to."""
    words = [*settings.get("command", ()), *settings.get("arguments", ())]
    can = Capabilities(
        resume="resume" in settings and "session" in settings,
        stream=True,
        usage="tokens_in" in settings or "tokens_out" in settings,
        cost="cost_usd" in settings,
        model=any("{model}" in word for word in words),
    )
    return About(what="a program named in mission.toml", capabilities=can)


_PLACE = re.compile(r"\{([a-z_]+)\}")


class Conversation:
    """Speaks with any program, in plain text or in JSON lines whose fields are named in the settings."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._settings = turn.settings
        self._lines: list[str] = []

    def start(self) -> Start:
        turn = self._turn
        places = {
            "prompt_file": str(turn.prompt_file),
            "model": turn.model or "",
            "session": turn.session or "",
            "workspace": str(turn.workspace),
            "state": str(turn.state),
            "task": turn.task.name,
            "agent": turn.agent,
        }
        words = [*self._settings["command"], *(self._settings.get("resume", []) if turn.session else [])]
        argv = [*filled(words, places), *self._settings.get("arguments", [])]
        by_file = self._settings.get("prompt") == "file"
        return Start(argv, stdin=None if by_file else turn.prompt_file)

    def read(self, line: str, report: Report) -> Iterator[str]:
        event = event_of(line) if self._settings.get("output") == "json" else None
        if event is None:
            self._lines.append(line)
            yield line
            return
        for name in ("session", "answer", "progress", "error"):
            if (path := self._settings.get(name)) and (found := text_at(event, path)) is not None:
                setattr(report, name, found)
                if name != "session":
                    yield found
        for name in ("tokens_in", "tokens_out"):
            if (path := self._settings.get(name)) and (count := count_at(event, path)) is not None:
                setattr(report, name, count)
        if (path := self._settings.get("cost_usd")) and (cost := amount_at(event, path)) is not None:
            report.cost_usd = cost

    def end(self, report: Report) -> None:
        """JSON: done when it said an answer and no error. Text: whoever prints plainly says by its exit status."""
        if self._settings.get("output") == "json":
            if report.answer is not None and report.error is None:
                report.verdict = Judgement.SUCCEEDED
        else:
            report.answer = "\n".join(self._lines).strip()
            report.verdict = Judgement.SUCCEEDED if report.exit_code == 0 else None


def filled(words: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """The words with their places filled; without those that stay empty, and the options that announce them."""
    argv: list[str] = []
    for word in words:
        names = _PLACE.findall(word)
        if names and not any(places[name] for name in names):
            if argv and argv[-1].startswith("-") and _PLACE.fullmatch(word) and len(argv) > 1:
                argv.pop()
            continue
        argv.append(_PLACE.sub(lambda found: places[found[1]], word))
    return argv
