"""OpenClaw: by itself (`openclaw agent exec`), or by a gateway that runs already (`sessions_spawn` over HTTP).

With `[runners.openclaw] url = "http://127.0.0.1:18789"` the gateway there is asked; a model `agent:NAME` then names one
of its agents. What the gateway must allow stands in docs/runners.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.events import amount_at, at, count_at, event_of, text_at
from mission_control.execution.driving.program import About, Start, Turn, chosen
from mission_control.execution.report import Judgement, Report

ABOUT = About(
    what="OpenClaw, by itself or by its gateway",
    capabilities=Capabilities(usage=True, cost=True, model=True),
    program="openclaw",
    install="npm install -g openclaw",
    sign_in="Set up a provider with `openclaw onboard`, or let missionctl be started with its key.",
    settings=(".openclaw/openclaw.json",),
)
_GATEWAY = ("-P", "-m", "mission_control.execution.driving.openclaw_gateway")
_AGENT = "agent:"


class Conversation:
    """Reads one JSON document at the end, which may go over many lines."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._lines: list[str] = []

    def start(self) -> Start:
        turn = self._turn
        own = turn.settings.get("arguments", [])
        limit = str(max(int(turn.timeout_seconds), 1))
        if url := turn.settings.get("url"):
            agent = turn.model.removeprefix(_AGENT) if turn.model and turn.model.startswith(_AGENT) else "main"
            return Start([sys.executable, *_GATEWAY, url, agent, limit, *own], turn.prompt_file)
        argv = [chosen(turn, ABOUT), "agent", "exec", "--json", "--timeout", limit]
        argv += ["--message-file", str(turn.prompt_file), "--cwd", str(turn.workspace)]
        return Start([*argv, *(["--model", turn.model] if turn.model else []), *own])

    def read(self, line: str, report: Report) -> Iterator[str]:  # noqa: ARG002  all is said at the end
        if self._lines or line.startswith("{"):
            self._lines.append(line)
        else:
            yield line

    def end(self, report: Report) -> None:
        event = event_of("\n".join(self._lines))
        if event is None:
            return
        report.session = text_at(event, "sessionId")
        report.tokens_in, report.tokens_out = count_at(event, "usage.input"), count_at(event, "usage.output")
        report.cost_usd = amount_at(event, "usage.cost.total")
        report.answer = text_at(event, "final") or None
        if event.get("ok") is True:
            report.verdict = Judgement.SUCCEEDED
        else:
            said = text_at(event, "error.message") or text_at(event, "error")
            report.verdict, report.error = Judgement.FAILED, said or f"it ended with {at(event, 'status')}"
