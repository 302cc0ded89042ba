"""What an agent's end means, in a sentence for people: failed, rate limited, not signed in, an unheard question."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from mission_control.execution.driving.events import on_one_line, plain
from mission_control.execution.driving.program import About
from mission_control.execution.report import Judgement, Report

RATE_LIMIT_SECONDS = 60.0  # waited where the program does not say how long
_RATE_LIMIT = re.compile(
    r"\b(?:429|529)\b|rate.?limit|too many requests|usage limit|quota (?:exceeded|exhausted)|exceeded your .*quota"
    r"|resource.?exhausted|overloaded",
    re.IGNORECASE,
)
_SIGNED_OUT = re.compile(
    r"\b401\b|unauthori[sz]ed|invalid (?:x-)?api.?key|incorrect api key|not (?:logged|signed) in|please run /login"
    r"|authentication.?(?:error|failed)|missing .*api.?key|must specify the .*_API_KEY|no api key|set an auth method",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\[y/n\]|\(y/n\)|\(yes/no\)|press (?:enter|any key)|[?:]\s*$", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:retry|again|wait|resets?)(?:[ _-]?(?:after|in|for))?[\"':= ]*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", re.IGNORECASE
)
_EPOCH = re.compile(r"(?:resets?_?at|reached|reset)[\"':=| ]*(\d{10})\b", re.IGNORECASE)
_CLOCK = re.compile(r"(?:resets?|again)(?:_?at| at)?[\"':= ]*(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def conclude(
    report: Report, status: int, last_words: Sequence[str], *, about: About, now: datetime, may_be_empty: bool
) -> None:
    """Give the report its verdict. `status` is the exit status of the program, negative where a signal ended it."""
    match report.verdict:
        case Judgement.SUCCEEDED if not (report.answer or "").strip() and not may_be_empty:
            report.verdict, report.error = Judgement.FAILED, "it says that it is done, but gave no answer"
        case Judgement.SUCCEEDED | Judgement.ASKS:
            return
        case Judgement.RATE_LIMITED:
            report.retry_at = report.retry_at or now + timedelta(seconds=RATE_LIMIT_SECONDS)
        case _:
            _explain(report, status, last_words, about=about, now=now)


def _explain(report: Report, status: int, last_words: Sequence[str], *, about: About, now: datetime) -> None:
    said = report.error or "\n".join(last_words)
    report.verdict = Judgement.FAILED
    if _RATE_LIMIT.search(said):
        report.verdict, report.retry_at = Judgement.RATE_LIMITED, reset_at(said, now)
        report.error = f"rate limit: {on_one_line(plain(said))}"
    elif _SIGNED_OUT.search(said):
        report.error = f"{about.program or 'it'} is not signed in: {on_one_line(plain(said))}. {about.sign_in}".rstrip()
    elif report.error is not None:
        report.error = plain(report.error)
    else:
        report.error = _unconcluded(status, [line for line in last_words if line.strip()])


def _unconcluded(status: int, words: Sequence[str]) -> str:
    """For a program that ended without a word about it."""
    end = f"exit status {status}" if status >= 0 else f"ended by {_signal_name(-status)}"
    if not words:
        return f"{end}, without saying that it is done"
    if _ASKS.search(words[-1]):
        return f"{end}: it asked on the terminal, where nobody answers: {on_one_line(words[-1])}"
    return f"{end}, without saying that it is done. Its last words: {on_one_line(' / '.join(words[-3:]))}"


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def reset_at(said: str, now: datetime) -> datetime:
    """When a rate limit is over, as far as the words tell."""
    if found := _CLOCK.search(said):
        return datetime.fromisoformat(found[1])
    if found := _EPOCH.search(said):
        return datetime.fromtimestamp(int(found[1]), UTC)
    if found := _WAIT.search(said):
        seconds = float(found[1]) * _UNITS[(found[2] or "s").lower()]
        return now + timedelta(seconds=min(seconds, 7 * 86_400))
    return now + timedelta(seconds=RATE_LIMIT_SECONDS)
