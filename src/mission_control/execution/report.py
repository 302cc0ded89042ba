"""The report of an attempt by an agent: written by its driver while it works, read by its executor at the end.

Imported by executors, so it stays small.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from mission_control.domain.attempt import Ending, Outcome
from mission_control.domain.limits import ANSWER_CHARACTERS
from mission_control.folder import open_private

NAME = "report.json"
_MOST_BYTES = 1_000_000
_MOST_TOKENS = 10**15
NOTHING_SAID = "it ended without saying that it is done"


class Judgement(StrEnum):
    """What the driver makes of how the agent's program ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RATE_LIMITED = "rate_limited"  # nobody's fault; again at `retry_at`
    ASKS = "asks"  # a person must answer `question` first


@dataclass
class Report:
    """What is known of an attempt so far. Grows while the agent works; `verdict` comes last, null until then."""

    answer: str | None = None
    session: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    progress: str | None = None
    verdict: Judgement | None = None
    error: str | None = None
    question: str | None = None
    retry_at: datetime | None = None
    exit_code: int | None = None  # of the agent's program

    def write(self, attempt_folder: Path | str) -> None:
        """Whole or as it was before, whoever is killed. Raises OSError."""
        content = {**vars(self), "answer": _cut(self.answer), "retry_at": self.retry_at and self.retry_at.isoformat()}
        aside = os.path.join(attempt_folder, f"{NAME}.{os.getpid()}")
        with open(open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.rename(aside, os.path.join(attempt_folder, NAME))


def _cut(answer: str | None) -> str | None:
    if answer is None or len(answer) <= ANSWER_CHARACTERS:
        return answer
    return answer[:ANSWER_CHARACTERS] + "…"


def read(attempt_folder: Path | str) -> Report | None:
    """What the driver wrote last; None when there is nothing, or nothing that a driver writes."""
    try:
        with open(os.path.join(attempt_folder, NAME), "rb") as file:
            content = json.loads(file.read(_MOST_BYTES))
        if not isinstance(content, dict):
            return None
        return Report(
            **{name: _text(content.get(name)) for name in ("answer", "session", "progress", "error", "question")},
            tokens_in=_count(content.get("tokens_in")),
            tokens_out=_count(content.get("tokens_out")),
            cost_usd=_amount(content.get("cost_usd")),
            verdict=Judgement(content["verdict"]) if content.get("verdict") else None,
            retry_at=datetime.fromisoformat(content["retry_at"]) if content.get("retry_at") else None,
            exit_code=_count(content.get("exit_code")),
        )
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def joined(ending: Ending, report: Report | None) -> Ending:
    """How an agent's attempt ended: what its process says, and what its driver reported.

    An end that was not the driver's own doing (a signal, a limit, a cancel) stays what it is; what is known is kept.
    """
    if report is None:
        return replace(ending, outcome=Outcome.FAILED, error=NOTHING_SAID) if ending.exit_code == 0 else ending
    known = replace(
        ending,
        answer=report.answer,
        session=report.session,
        tokens_in=report.tokens_in,
        tokens_out=report.tokens_out,
        cost_usd=report.cost_usd,
    )
    if ending.exit_code is None:
        return known
    known = replace(known, exit_code=ending.exit_code if report.exit_code is None else report.exit_code)
    match report.verdict:
        case Judgement.SUCCEEDED if ending.outcome is Outcome.SUCCEEDED:
            return known
        case Judgement.RATE_LIMITED:
            return replace(known, outcome=Outcome.RELEASED, error=report.error, retry_at=report.retry_at)
        case Judgement.ASKS:
            asked = f"asks: {report.question}"
            return replace(known, outcome=Outcome.RELEASED, error=asked, question=report.question)
        case Judgement.FAILED:
            return replace(known, outcome=Outcome.FAILED, error=report.error or ending.error or NOTHING_SAID)
        case _:  # a fault of the driver itself, which the log tells of
            said = f"its driver ended with {ending.error}; see the log" if ending.error else NOTHING_SAID
            return replace(known, outcome=Outcome.FAILED, error=said)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST_TOKENS
    return value if is_count else None


def _amount(value: Any) -> float | None:
    is_amount = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_amount else None
