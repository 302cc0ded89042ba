"""What a protocol's program tells arrives as it was told, in the report and in the log."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from mission_control.execution.protocols.listening import Listener
from mission_control.execution.protocols.telling import (
    Closing,
    Event,
    Note,
    Session,
    Spent,
    Text,
    ToolEnded,
    ToolStarted,
    tell,
    told,
)
from mission_control.execution.report import Judgement, Report

LATER = datetime(2026, 2, 6, 10, 5, tzinfo=UTC)
EVENTS: list[Event] = [
    Text("Let me\nlook"),
    Text(" at it. \u2028 é"),
    ToolStarted("make\n  all"),
    ToolEnded("make all", error="exit status 2"),
    ToolEnded("ls"),
    Note("plan: [x] look"),
    Session("s-1"),
    Spent(10, 2),
    Spent(cost_usd=0.5),
    Text("Done"),
    Closing(Judgement.RATE_LIMITED, error="rate limit: slow down", retry_at=LATER),
]


def lines_of(events: list[Event], capfd: pytest.CaptureFixture[str]) -> list[str]:
    for event in events:
        tell(event)
    return capfd.readouterr().out.splitlines()


def test_every_event_arrives_as_it_was_told(capfd):
    assert [told(line) for line in lines_of(EVENTS, capfd)] == EVENTS


@pytest.mark.parametrize("line", ["", "hello", "[]", "3", '{"event": "Text"}', '{"event": "Unknown"}', '{"event": []}'])
def test_what_is_no_event_is_none(line):
    assert told(line) is None


def test_events_become_the_report_and_the_lines_of_the_log(capfd):
    report, listener = Report(), Listener()
    shown = [text for line in lines_of(EVENTS, capfd) for text in listener.read(line, report)]
    assert shown == [
        "Let me",
        "look at it. \u2028 é",
        "→ make all",
        "✗ make all: exit status 2",
        "plan: [x] look",
        "Done",
    ]
    assert (report.session, report.tokens_in, report.tokens_out, report.cost_usd) == ("s-1", 10, 2, 0.5)
    assert (report.verdict, report.error, report.retry_at) == (
        Judgement.RATE_LIMITED,
        "rate limit: slow down",
        LATER,
    )


def test_a_question_is_shown_and_reported(capfd):
    report = Report()
    (line,) = lines_of([Closing(Judgement.ASKS, question="May it?")], capfd)
    assert list(Listener().read(line, report)) == ["asks: May it?"]
    assert (report.verdict, report.question) == (Judgement.ASKS, "May it?")


def test_a_program_whose_listener_is_gone_ends(monkeypatch):
    """Its driver was killed: nobody would ever know what it does."""
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(os, "write", lambda _, content, write=os.write: write(writing, content))
    with pytest.raises(BrokenPipeError):
        tell(Note("hello"))
    os.close(writing)
