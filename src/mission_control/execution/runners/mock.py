"""An agent without a model: it does what the description of its task says. For demos, dry runs and tests, offline.

Each line of the description that starts with `mock:` is one step:

    mock: think 2                   wait, in seconds
    mock: print Looking around      a line in the log
    mock: progress Half of it       what it says of how far it is
    mock: write notes.md Hello      a file in its workspace
    mock: run CMD                   a shell command in its workspace; fails with it
    mock: tokens 1200 80 0.004      what it used: in, out, dollars
    mock: ask Which colour?         blocks the task; a retry goes on behind this line
    mock: limit 30                  a rate limit that is over in 30 seconds
    mock: say All done.             its answer
    mock: fail Cannot reach X       its end, as a failure
    mock: crash 9                   its end without a word, by this exit status
    mock: hang                      never ends, and ignores SIGTERM

Without such lines it answers at once. `[runners.mock] arguments = ["FILE"]` names a file with steps for all tasks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.events import amount_at, at, count_at, event_of, text_at, total
from mission_control.execution.driving.program import About, Start, Turn
from mission_control.execution.report import Judgement, Report

ABOUT = About(
    what="an agent without a model, scripted by its task; offline",
    capabilities=Capabilities(resume=True, stream=True, usage=True, cost=True, model=True),
)
SCRIPT = "script.txt"
_AGENT = ("-P", "-m", "mission_control.execution.driving.mock_agent")


class Conversation:
    """Speaks with driving/mock_agent.py, which prints an event a line."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def start(self) -> Start:
        script = self._turn.state / SCRIPT
        script.write_text(self._turn.task.description, encoding="utf-8")
        named = self._turn.settings.get("arguments") or [str(script)]
        session = self._turn.session or f"mock-{self._turn.attempt}"
        argv = [sys.executable, *_AGENT, named[0], str(self._turn.state), session]
        return Start(argv, stdin=self._turn.prompt_file)

    def read(self, line: str, report: Report) -> Iterator[str]:
        event = event_of(line)
        match event and event.get("type"):
            case "started":
                report.session = text_at(event, "session")
            case "progress":
                report.progress = text_at(event, "text")
                yield f"progress: {report.progress}"
            case "usage":
                report.tokens_in = total(report.tokens_in, count_at(event, "in"))
                report.tokens_out = total(report.tokens_out, count_at(event, "out"))
                report.cost_usd = (report.cost_usd or 0.0) + (amount_at(event, "usd") or 0.0)
            case "done":
                report.verdict, report.answer = Judgement.SUCCEEDED, text_at(event, "answer")
                yield report.answer or ""
            case "failed":
                report.verdict, report.error = Judgement.FAILED, text_at(event, "error")
            case "asks":
                report.verdict, report.question = Judgement.ASKS, text_at(event, "question")
                yield f"asks: {report.question}"
            case "limited":
                report.verdict, report.error = Judgement.RATE_LIMITED, "rate limit"
                report.retry_at = datetime.fromtimestamp(at(event, "until"), UTC)
            case _:
                yield line

    def end(self, report: Report) -> None:
        """All was said by events."""
