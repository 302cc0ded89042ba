"""OpenCode, headless. Its events: https://opencode.ai/docs/cli."""

from __future__ import annotations

from collections.abc import Iterator

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.events import (
    Event,
    amount_at,
    at,
    count_at,
    event_of,
    on_one_line,
    text_at,
    total,
)
from mission_control.execution.driving.program import About, Start, Turn, chosen
from mission_control.execution.report import Judgement, Report

ABOUT = About(
    what="OpenCode",
    capabilities=Capabilities(resume=True, stream=True, usage=True, cost=True, model=True),
    program="opencode",
    install="npm install -g opencode-ai",
    sign_in="Sign in with `opencode auth login`, or let missionctl be started with the key of a provider.",
    credentials=(".local/share/opencode/auth.json",),
    settings=(".config/opencode/opencode.json", ".config/opencode/opencode.jsonc"),
)
_DONE = "stop"  # why the last step ended, when nothing is left to do


class Conversation:
    """Speaks `opencode run --format json`: parts of messages, and how each step of the model finished."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._finished: str | None = None

    def start(self) -> Start:
        turn = self._turn
        argv = [chosen(turn, ABOUT), "run", "--format", "json", "--auto"]  # there is nobody to ask
        argv += ["--model", turn.model] if turn.model else []
        argv += ["--session", turn.session] if turn.session else []
        return Start(
            [*argv, *turn.settings.get("arguments", [])], turn.prompt_file, {"OPENCODE_DISABLE_AUTOUPDATE": "1"}
        )

    def read(self, line: str, report: Report) -> Iterator[str]:
        event = event_of(line)
        if event is None:
            yield line
            return
        report.session = text_at(event, "sessionID") or report.session
        match event.get("type"):
            case "text":
                report.answer = text_at(event, "part.text")
                yield report.answer or ""
            case "tool_use":
                shown = text_at(event, "part.state.input.command") or text_at(event, "part.state.input.filePath") or ""
                yield f"→ {at(event, 'part.tool')} {on_one_line(shown)}".rstrip()
            case "step_finish":
                self._finished = text_at(event, "part.reason")
                _count(event, report)
            case "error":
                said = text_at(event, "error.data.message") or text_at(event, "error.message")
                report.verdict, report.error = Judgement.FAILED, said or str(event.get("error"))

    def end(self, report: Report) -> None:
        """Done when nothing was left to do in the last step, and no error came."""
        if report.verdict is None and self._finished == _DONE:
            report.verdict = Judgement.SUCCEEDED
        elif report.verdict is None and self._finished is not None:
            report.error = f"it ended in the middle: its last step finished with {self._finished!r}"


def _count(event: Event, report: Report) -> None:
    """Steps add up. What came from a cache was read, too."""
    read = total(count_at(event, "part.tokens.input"), count_at(event, "part.tokens.cache.read"))
    report.tokens_in = total(report.tokens_in, total(read, count_at(event, "part.tokens.cache.write")))
    report.tokens_out = total(report.tokens_out, count_at(event, "part.tokens.output"))
    cost = amount_at(event, "part.cost")
    report.cost_usd = cost if report.cost_usd is None else report.cost_usd + (cost or 0.0)
