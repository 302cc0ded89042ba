"""What an agent's end means, and the sentence about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.runner import Capabilities
from mission_control.execution.driving.judging import RATE_LIMIT_SECONDS, conclude
from mission_control.execution.driving.program import About
from mission_control.execution.report import Judgement, Report, joined, read
from support.clock import START
from support.factories import ending

ABOUT = About("an agent", Capabilities(), program="claude", sign_in="Sign in with: claude /login")


def concluded(report: Report, status: int = 0, words: tuple[str, ...] = (), *, may_be_empty: bool = False) -> Report:
    conclude(report, status, words, about=ABOUT, now=START, may_be_empty=may_be_empty)
    return report


def test_only_a_closing_event_makes_a_success():
    assert concluded(Report(answer="Done")).verdict is Judgement.FAILED
    assert concluded(Report(answer="Done", verdict=Judgement.SUCCEEDED), 1).verdict is Judgement.SUCCEEDED


def test_a_success_without_an_answer_is_a_failure_unless_the_mission_says_otherwise():
    empty = concluded(Report(answer=" \n", verdict=Judgement.SUCCEEDED))
    assert (empty.verdict, empty.error) == (Judgement.FAILED, "it says that it is done, but gave no answer")
    allowed = concluded(Report(verdict=Judgement.SUCCEEDED), may_be_empty=True)
    assert allowed.verdict is Judgement.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (0, (), "exit status 0, without saying that it is done"),
        (-9, (), "ended by SIGKILL, without saying that it is done"),
        (3, ("one", "two"), "exit status 3, without saying that it is done. Its last words: one / two"),
        (1, ("Overwrite a.txt? [y/N]",), "exit status 1: it asked on the terminal, where nobody answers: Overwrite"),
        (1, ("Password:",), "it asked on the terminal"),
    ],
)
def test_an_end_without_a_closing_event_is_told_by_its_last_words(status, words, said):
    report = concluded(Report(), status, words)
    assert report.verdict is Judgement.FAILED and said in (report.error or "")


@pytest.mark.parametrize(
    "error",
    [
        "Invalid API key · Please run /login",
        "unexpected status 401 Unauthorized: scripted 401",
        '{"error":{"type":"authentication_error"}}',
        "When using Gemini API, you must specify the GEMINI_API_KEY environment variable.",
    ],
)
def test_who_is_not_signed_in_is_told_how(error):
    report = concluded(Report(error=error), 1)
    assert report.verdict is Judgement.FAILED
    assert (report.error or "").startswith("claude is not signed in: ") and "claude /login" in (report.error or "")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ("API Error: 429 too many requests", RATE_LIMIT_SECONDS),
        ("rate limit reached, retry after 20 seconds", 20),
        ("Rate limit reached. Please try again in 1.5m", 90),
        ("Claude AI usage limit reached|1770376800", (1770376800 - START.timestamp())),
        ("usage limit, resets at 2026-02-06T12:00:00Z", 7200),
        ('{"code":429,"status":"RESOURCE_EXHAUSTED"}', RATE_LIMIT_SECONDS),
        ("529 overloaded_error", RATE_LIMIT_SECONDS),
    ],
)
def test_a_rate_limit_is_nobodys_failure_and_says_until_when(error, seconds):
    report = concluded(Report(error=error), 1)
    assert report.verdict is Judgement.RATE_LIMITED
    assert report.retry_at == START + timedelta(seconds=seconds)


def test_an_answer_that_speaks_of_rate_limits_is_none():
    done = concluded(Report(answer="I fixed the rate limit (429).", verdict=Judgement.SUCCEEDED))
    assert (done.verdict, done.retry_at) == (Judgement.SUCCEEDED, None)


# What the executor makes of it


KNOWN: dict[str, Any] = {"answer": "Done", "session": "s-1", "tokens_in": 5, "tokens_out": 7, "cost_usd": 0.5}


@pytest.mark.parametrize(
    ("verdict", "exit_code", "outcome"),
    [
        (Judgement.SUCCEEDED, 0, Outcome.SUCCEEDED),
        (Judgement.SUCCEEDED, 1, Outcome.FAILED),
        (Judgement.FAILED, 1, Outcome.FAILED),
        (Judgement.FAILED, 0, Outcome.FAILED),
        (Judgement.RATE_LIMITED, 1, Outcome.RELEASED),
        (Judgement.ASKS, 1, Outcome.RELEASED),
        (None, 0, Outcome.FAILED),
    ],
)
def test_an_attempt_ends_as_its_driver_reports(verdict, exit_code, outcome):
    process = ending(Outcome.FAILED, exit_code=exit_code) if exit_code else ending()
    end = joined(process, Report(**KNOWN, verdict=verdict, question="Which?" if verdict is Judgement.ASKS else None))
    assert end.outcome is outcome
    assert {name: getattr(end, name) for name in KNOWN} == KNOWN
    assert (end.error is None) == (outcome is Outcome.SUCCEEDED or verdict is Judgement.RATE_LIMITED)


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.LOST, Outcome.RELEASED])
def test_an_end_that_was_not_the_agents_own_stays_what_it_is(outcome):
    end = joined(ending(outcome, exit_code=None, error="because"), Report(**KNOWN, verdict=Judgement.SUCCEEDED))
    assert (end.outcome, end.error, end.tokens_in, end.session) == (outcome, "because", 5, "s-1")


def test_without_a_report_nothing_is_a_success():
    assert joined(ending(), None).outcome is Outcome.FAILED


def test_a_report_comes_back_as_it_was_written(tmp_path):
    report = Report(**KNOWN, verdict=Judgement.RATE_LIMITED, error="limit", retry_at=START, exit_code=1, progress="½")
    report.write(tmp_path)
    assert read(tmp_path) == report
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"verdict": "splendid"}', "[" * 100_000, '{"retry_at": "soon"}', "\xff"]
)
def test_what_no_driver_writes_is_no_report(tmp_path, content):
    (tmp_path / "report.json").write_text(content, encoding="latin-1")
    assert read(tmp_path) is None


def test_wrong_kinds_in_a_report_are_left_out(tmp_path):
    (tmp_path / "report.json").write_text('{"answer": 5, "tokens_in": "many", "tokens_out": true, "cost_usd": NaN}')
    assert read(tmp_path) == Report()
