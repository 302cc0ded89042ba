"""OpenAI Codex, headless. Its events: https://developers.openai.com/codex/noninteractive."""

from __future__ import annotations

from collections.abc import Iterator

from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.events import Event, at, count_at, event_of, on_one_line, text_at, total
from mission_control.execution.driving.program import About, Start, Turn, chosen
from mission_control.execution.report import Judgement, Report
from mission_control.folder import make_private_directory

ABOUT = About(
    what="OpenAI Codex",
    capabilities=Capabilities(resume=True, stream=True, usage=True, model=True),
    program="codex",
    install="npm install -g @openai/codex",
    sign_in="Sign in with `codex login`, or let missionctl be started with CODEX_API_KEY or OPENAI_API_KEY.",
    credentials=(".codex/auth.json",),
    settings=(".codex/config.toml",),
)


class Conversation:
    """Speaks `codex exec --json`: threads, turns and items."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._complaint: str | None = None  # it also complains of what it then mends

    def start(self) -> Start:
        turn = self._turn
        home = turn.state / ".codex"
        make_private_directory(home)
        own = turn.settings.get("arguments", [])
        argv = [chosen(turn, ABOUT), "exec", "--json", "--skip-git-repo-check"]
        if not {"--sandbox", "-s"} & set(own):
            argv += [
                "--sandbox",
                "danger-full-access",
            ]  # what keeps an attempt in is ours, see docs/limits-and-isolation
        argv += ["--model", turn.model] if turn.model else []
        argv += [*own, *(["resume", turn.session] if turn.session else []), "-"]
        return Start(argv, turn.prompt_file, {"CODEX_HOME": str(home)})

    def read(self, line: str, report: Report) -> Iterator[str]:
        event = event_of(line)
        match event and event.get("type"):
            case "thread.started":
                report.session = text_at(event, "thread_id")
            case "item.completed":
                yield from _step(event or {}, report)
            case "turn.completed":
                report.tokens_in = total(report.tokens_in, count_at(event, "usage.input_tokens"))
                report.tokens_out = total(report.tokens_out, count_at(event, "usage.output_tokens"))
                report.verdict = Judgement.SUCCEEDED
            case "turn.failed":
                report.verdict, report.error = Judgement.FAILED, text_at(event, "error.message") or self._complaint
            case "error":
                self._complaint = text_at(event, "message")
                yield f"error: {self._complaint}"
            case None:
                yield line

    def end(self, report: Report) -> None:
        if report.verdict is None:
            report.error = self._complaint


def _step(event: Event, report: Report) -> Iterator[str]:
    item = event["item"] if isinstance(event.get("item"), dict) else {}
    match item.get("type"):
        case "agent_message":
            report.answer = text_at(item, "text")
            yield report.answer or ""
        case "command_execution":
            yield f"→ {on_one_line(str(item.get('command')))} (exit status {item.get('exit_code')})"
        case "file_change":
            yield f"→ changed {', '.join(str(at(change, 'path')) for change in item.get('changes') or [])}"
        case "mcp_tool_call":
            yield f"→ {item.get('server')}.{item.get('tool')}"
        case "error":  # a warning, e.g. of a model it does not know
            yield f"warning: {on_one_line(str(item.get('message')))}"
