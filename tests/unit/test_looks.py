"""How instants, durations and causes read on a terminal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mission_control.domain.attempt import Outcome
from mission_control.domain.readiness import Hold, HoldKind
from mission_control.domain.task import Priority, Status
from mission_control.interfaces.cli.looks import (
    due_cell,
    hold_text,
    instant_cell,
    outcome_cell,
    priority_cell,
    relative,
    span,
    status_cell,
)
from support.clock import START


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0ms"),
        (0.42, "420ms"),
        (1.24, "1.2s"),
        (45, "45s"),
        (119, "119s"),
        (120, "2m"),
        (5400, "90m"),
        (7140, "119m"),
        (7200, "2h"),
        (10 * 86400, "10d"),
    ],
)
def test_a_duration_reads_in_the_largest_unit_of_which_it_has_two(seconds: float, shown: str) -> None:
    assert span(timedelta(seconds=seconds)) == shown


def test_an_instant_reads_as_its_distance_and_stays_exact_for_a_pipe() -> None:
    assert relative(START, START) == "now"
    assert relative(START - timedelta(minutes=5), START) == "5m ago"
    assert relative(START + timedelta(hours=3), START) == "in 3h"
    cell = instant_cell(START, START + timedelta(minutes=5))
    assert (cell.plain, cell.shown) == ("2026-02-06T10:00:00.000000Z", "5m ago")
    assert due_cell(START, START).shown == "due"
    assert instant_cell(None, START).plain == ""


@pytest.mark.parametrize(
    ("hold", "shown"),
    [
        (Hold(HoldKind.PREDECESSOR, "T-1 is inbox"), "waits: T-1 is inbox"),
        (
            Hold(HoldKind.BACKOFF, "backoff after failure 1", START + timedelta(seconds=25)),
            "backoff after failure 1, for 25s",
        ),
        (Hold(HoldKind.NOBODY, "nobody is assigned"), "nobody is assigned"),
    ],
)
def test_a_cause_says_how_long_it_lasts(hold: Hold, shown: str) -> None:
    assert hold_text(hold, START) == shown


def test_every_word_of_ours_has_a_look() -> None:
    for status in Status:
        assert status_cell(status).plain == status
    for outcome in Outcome:
        assert outcome_cell(outcome).plain == outcome
    for priority in Priority:
        assert priority_cell(priority).plain == priority
