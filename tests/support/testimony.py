"""Whether tasks ran one at a time and to their end, by what the tasks themselves noted; see witness.py."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from pathlib import Path

from mission_control.execution import exit_file
from support.database import ask
from support.real_mission import RealMission

_PROGRAM = Path(__file__).with_name("witness.py")


def witness(*, seconds: float = 0.0) -> str:
    """A command that notes its start and its end, and whether another attempt at its task was alive."""
    return shlex.join([sys.executable, "-I", "-S", str(_PROGRAM), str(seconds)])


def statements(mission: RealMission) -> list[tuple[str, str]]:
    """(`START`, `END` or `OVERLAP`, attempt) in the order in which witnesses noted them."""
    path = mission.home / "testimony"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(word, attempt) for word, attempt in (line.split() for line in lines)]


def check_testimony(mission: RealMission) -> None:
    """No task was executed twice at once, no attempt twice at all; each success ran to its end, once a done task."""
    noted = statements(mission)
    assert [line for line in noted if line[0] == "OVERLAP"] == []
    started = [attempt for word, attempt in noted if word == "START"]
    assert len(started) == len(set(started)), "an attempt was started twice"
    ran_to_its_end = {attempt for word, attempt in noted if word == "END"}
    successes: Counter[int] = Counter()
    for row in ask(mission.opened.store, "SELECT task_id, number, token, outcome FROM attempt"):
        left = exit_file.read(mission.folder.attempt(row["task_id"], row["number"]), row["token"])
        assert left is None or row["outcome"] == left.outcome, "what the executor left behind was not honoured"
        if row["outcome"] == "succeeded":
            assert f"T-{row['task_id']}/{row['number']}" in ran_to_its_end
            successes[row["task_id"]] += 1
    statuses = {row["id"]: row["status"] for row in ask(mission.opened.store, "SELECT id, status FROM task")}
    assert successes == Counter(task for task, status in statuses.items() if status == "done")
