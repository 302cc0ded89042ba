"""What a person may drag where: what the table of transitions allows by hand, and an honest reason for the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mission_control
from mission_control.domain.task import BY_A_PERSON, TRANSITIONS, Event, Status
from mission_control.errors import IllegalMove
from mission_control.interfaces.by_hand import event_for
from mission_control.interfaces.web.pages.moves import possible
from support.factories import make_task

SCRIPT = Path(mission_control.__file__).parent / "interfaces" / "web" / "static" / "dialogs.js"


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("target", Status)
def test_a_drag_does_what_the_table_allows_a_person(status: Status, target: Status) -> None:
    task = make_task(status=status)
    allowed = {event for event in possible(status) if TRANSITIONS[status][event] is target}
    if not allowed:
        with pytest.raises(IllegalMove, match=r"T-12 is .*; nobody can move it to .* by hand\. Possible now: .+\."):
            event_for(task, target)
        return
    assert event_for(task, target) in allowed & BY_A_PERSON
    assert event_for(task, target) is not Event.ANSWER  # a drag answers nothing


@pytest.mark.parametrize("status", Status)
def test_the_script_offers_exactly_these_moves(status: Status) -> None:
    offered = re.search(rf"^  {status}: \[(.*)\],$", SCRIPT.read_text(), re.MULTILINE)
    assert offered is not None
    assert set(re.findall(r'"(\w+)"\]', offered[1])) == {TRANSITIONS[status][event] for event in possible(status)}
