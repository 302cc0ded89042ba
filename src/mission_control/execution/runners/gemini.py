"""Gemini CLI, headless. Its events: https://geminicli.com/docs/cli/headless."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.events import at, count_at, event_of, on_one_line, text_at
from mission_control.execution.driving.program import About, Start, Turn, chosen
from mission_control.execution.report import Judgement, Report
from mission_control.folder import make_private_directory, write_private

ABOUT = About(
    what="Gemini CLI",
    capabilities=Capabilities(resume=True, stream=True, usage=True, model=True),
    program="gemini",
    install="npm install -g @google/gemini-cli",
    sign_in="Sign in with `gemini`, or let missionctl be started with GEMINI_API_KEY.",
    credentials=(".gemini/oauth_creds.json", ".gemini/google_accounts.json"),
    settings=(".gemini/settings.json",),
)
# Our tree must not outlive us by its starting itself anew, and nobody can be asked whether a folder is trusted.
_ALONE = {"GEMINI_CLI_NO_RELAUNCH": "true", "GEMINI_CLI_TRUST_WORKSPACE": "true"}


class Conversation:
    """Speaks stream-json: messages in pieces, tools, and `result` at the end, whatever the exit status is."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._said = ""  # since the last tool
        self._complaint: str | None = None

    def start(self) -> Start:
        turn = self._turn
        self._write_settings()
        argv = [chosen(turn, ABOUT), "--output-format", "stream-json"]
        own = turn.settings.get("arguments", [])
        argv += [] if "--approval-mode" in own else ["--yolo"]  # there is nobody to ask
        argv += ["--model", turn.model] if turn.model else []
        argv += ["--resume", turn.session] if turn.session else []
        return Start([*argv, *own], turn.prompt_file, _ALONE)

    def _write_settings(self) -> None:
        """Its user's settings, and besides: no updates, and the way of signing in that a key tells."""
        path = self._turn.state / ".gemini" / "settings.json"
        make_private_directory(path.parent)
        settings: dict[str, Any] = {}
        if path.exists():
            settings = event_of(path.read_text(encoding="utf-8")) or {}
        settings["general"] = {**(at(settings, "general") or {}), "disableAutoUpdate": True}
        if "GEMINI_API_KEY" in self._turn.environment and at(settings, "security.auth.selectedType") is None:
            settings["security"] = {**(at(settings, "security") or {}), "auth": {"selectedType": "gemini-api-key"}}
        write_private(path, json.dumps(settings).encode())

    def read(self, line: str, report: Report) -> Iterator[str]:
        event = event_of(line)
        match event and event.get("type"):
            case "init":
                report.session = text_at(event, "session_id")
            case "message" if at(event, "role") == "assistant":
                piece = text_at(event, "content") or ""
                self._said = self._said + piece if at(event, "delta") else piece
            case "tool_use":
                yield from self._spoken()
                shown = text_at(event, "parameters.command") or text_at(event, "parameters.file_path") or ""
                yield f"→ {at(event, 'tool_name')} {on_one_line(shown)}".rstrip()
            case "error":
                self._complaint = text_at(event, "message")
                yield f"error: {self._complaint}"
            case "result":
                report.tokens_in = count_at(event, "stats.input_tokens")
                report.tokens_out = count_at(event, "stats.output_tokens")
                report.answer = self._said or None
                yield from self._spoken()
                self._conclude(text_at(event, "status"), text_at(event, "error.message"), report)
            case None:
                yield line

    def _spoken(self) -> Iterator[str]:
        if self._said.strip():
            yield self._said.rstrip("\n")
        self._said = ""

    def _conclude(self, status: str | None, error: str | None, report: Report) -> None:
        if status == "success":
            report.verdict = Judgement.SUCCEEDED
        else:
            report.verdict, report.error = Judgement.FAILED, error or self._complaint or f"it ended with {status}"

    def end(self, report: Report) -> None:
        if report.verdict is None:
            report.error = self._complaint
