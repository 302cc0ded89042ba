"""Claude Code, headless. Its events: https://code.claude.com/docs/en/headless."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

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
    what="Claude Code",
    capabilities=Capabilities(resume=True, stream=True, usage=True, cost=True, model=True),
    program="claude",
    install="npm install -g @anthropic-ai/claude-code",
    sign_in="Sign in with `claude`, or let missionctl be started with ANTHROPIC_API_KEY.",
    credentials=(".claude/.credentials.json",),
    settings=(".claude.json", ".claude/settings.json"),
)
_QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
_TOKENS_IN = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Conversation:
    """Speaks stream-json: a line for each message, and `result` at the end."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._counted: set[str] = set()  # messages whose tokens are known; each comes in several events

    def start(self) -> Start:
        turn = self._turn
        own = turn.settings.get("arguments", [])
        argv = [chosen(turn, ABOUT), "-p", "--output-format", "stream-json", "--verbose"]
        if "--permission-mode" not in own:
            argv += ["--permission-mode", "bypassPermissions"]  # there is nobody to ask
        argv += ["--model", turn.model] if turn.model else []
        argv += ["--resume", turn.session] if turn.session else []
        # It refuses to be root with all permissions unless it is told that root is all there is.
        as_root = {"IS_SANDBOX": "1"} if os.geteuid() == 0 else {}
        return Start([*argv, *own], turn.prompt_file, {**_QUIET, **as_root})

    def read(self, line: str, report: Report) -> Iterator[str]:
        event = event_of(line)
        if event is None:
            yield line
            return
        report.session = text_at(event, "session_id") or report.session
        match event.get("type"):
            case "assistant":
                self._count(event, report)
                yield from _steps(event)
            case "system" if event.get("subtype") == "api_retry":
                yield f"its service answers {event.get('error_status')} ({event.get('error')}), it tries again"
            case "result":
                _conclude(event, report)

    def _count(self, event: Event, report: Report) -> None:
        """What is used so far, for an attempt that does not come to its end; the result says it better."""
        name = text_at(event, "message.id")
        if name and name not in self._counted:
            self._counted.add(name)
            report.tokens_in = total(report.tokens_in, _tokens_in(at(event, "message.usage")))
            report.tokens_out = total(report.tokens_out, count_at(event, "message.usage.output_tokens"))

    def end(self, report: Report) -> None:
        """The result has said it, or nothing has."""


def _steps(event: Event) -> Iterator[str]:
    for part in at(event, "message.content") or []:
        match at(part, "type"):
            case "text":
                yield str(at(part, "text"))
            case "tool_use":
                shown = text_at(part, "input.command") or text_at(part, "input.file_path") or ""
                yield f"→ {at(part, 'name')} {on_one_line(shown)}".rstrip()


def _conclude(event: Event, report: Report) -> None:
    report.tokens_in = _tokens_in(event.get("usage")) or report.tokens_in
    report.tokens_out = count_at(event, "usage.output_tokens") or report.tokens_out
    report.cost_usd = amount_at(event, "total_cost_usd")
    said = text_at(event, "result")
    denied = sorted({str(at(denial, "tool_name")) for denial in event.get("permission_denials") or []})
    if event.get("is_error") or event.get("subtype") != "success":
        errors = "; ".join(map(str, event.get("errors") or []))
        report.verdict, report.error = Judgement.FAILED, said or errors or f"it ended by {event.get('subtype')}"
    elif denied:
        report.answer, report.verdict = said, Judgement.FAILED
        report.error = f"it was not allowed to use {', '.join(denied)}, so what it calls done is not believed"
    else:
        report.answer, report.verdict = said, Judgement.SUCCEEDED


def _tokens_in(usage: Any) -> int | None:
    counts = [count for name in _TOKENS_IN if (count := count_at(usage, name)) is not None]
    return sum(counts) if counts else None
