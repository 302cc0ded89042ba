"""Holding a conversation with an agent's program: from its start to the verdict about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mission_control.clock import Clock
from mission_control.execution.driving.child import Child
from mission_control.execution.driving.judging import conclude
from mission_control.execution.driving.program import About, Conversation, Turn
from mission_control.execution.report import Judgement, Report

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD")
_SHORTEST_SECRET = 8

Keep = Callable[[Report, Callable[[], None]], None]  # (what is known so far, what makes it stop); called often


@dataclass(frozen=True)
class Held:
    """What came of it."""

    report: Report
    is_told_to_stop: bool = False


def hold(
    conversation: Conversation, turn: Turn, *, about: About, clock: Clock, say: Callable[[str], None], keep: Keep
) -> Held:
    """Start the program, understand it to its end, judge it. `say` gets what people may want to see, as it comes."""
    try:
        start = conversation.start()
        child = Child(start, {**turn.environment, **start.environment}, turn.workspace)
    except FileNotFoundError as fault:
        return Held(_missing(fault, about))
    except OSError as fault:
        return Held(Report(verdict=Judgement.FAILED, error=f"its program cannot be started: {fault}"))
    listener = _Listener(conversation, child, turn.environment, say, keep)
    report = listener.report
    status = child.listen(listener.hear, listener.overhear, listener.keep)
    report.exit_code = status if status >= 0 else None
    conversation.end(report)
    if not child.is_told_to_stop or report.verdict is Judgement.SUCCEEDED:
        may_be_empty = bool(turn.settings.get("empty_answer"))
        words = tuple(child.last_words)
        conclude(report, status, words, about=about, now=clock.now(), may_be_empty=may_be_empty)
    if turn.session and report.verdict is Judgement.FAILED and not report.tokens_out:
        report.session = None  # it may be that it cannot be gone on with: the next attempt starts afresh
    report.error = report.error and without_secrets(report.error, turn.environment)
    return Held(report, child.is_told_to_stop)


def _missing(fault: FileNotFoundError, about: About) -> Report:
    what = fault.filename or about.program
    step = f"Install it with: {about.install}" if about.install else "Name another in mission.toml"
    return Report(verdict=Judgement.FAILED, error=f"there is no program {what} on PATH. {step}")


class _Listener:
    def __init__(
        self,
        conversation: Conversation,
        child: Child,
        environment: Mapping[str, str],
        say: Callable[[str], None],
        keep: Keep,
    ) -> None:
        self.report = Report()
        self._conversation = conversation
        self._child = child
        self._environment = environment
        self._tell = say
        self._keep = keep

    def hear(self, line: str) -> None:
        """A line of its output."""
        if not (line.startswith("{") and line.endswith("}")):  # no event, or half of one
            self._remember(line)
        try:
            for text in self._conversation.read(line, self.report):
                self._say(text)
        except (AttributeError, KeyError, TypeError, ValueError):  # an event of a shape that it never had
            self._remember(line)
            self._say(line)
        self.keep()

    def overhear(self, line: str) -> None:
        """A line of its errors."""
        if line.strip():
            self._remember(line)
            self._say(line)

    def keep(self) -> None:
        """Let whoever listens keep what is known."""
        self._keep(self.report, self._child.stop)

    def _remember(self, line: str) -> None:
        self._child.last_words.append(without_secrets(line, self._environment))

    def _say(self, text: str) -> None:
        self._tell(without_secrets(text, self._environment))


def without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """`text` without the keys that this program was given: some repeat the key that was refused."""
    for name, value in environment.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET.search(name) and value in text:
            text = text.replace(value, "•••")
    return text
