"""What every runner makes of a program that does not do as it should: the right outcome, and no process left.

All attempts of all runners run in one mission, really and through the command; then each is looked at. The programs
are scripts that stand in for the real ones, because those cannot be made to do any of this: they do not print garbage
or lines of ten megabytes, nor end well without a closing event. What the real ones say when all goes well, at a time
limit, a cancel and a crash, is in tests/agents.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Task
from mission_control.execution import process
from mission_control.execution.runners import RUNNERS
from mission_control.squad import NewAgent
from support import scripted_acp_agent
from support.chat_endpoint import Answer, ChatEndpoint, says, says_nothing, sends
from support.eventually import eventually
from support.factories import PERSON
from support.real_mission import RealMission

TIMEOUT_SECONDS = 6.0  # of those that hang; a slow machine must get a program started in it
LONG = 10_000_000
DRIVER = "-m mission_control.execution.driving"


class Kind(StrEnum):
    """What goes wrong."""

    MISSING = "missing"  # there is no such program
    NO_CLOSING = "no closing"  # it ends with 0 and has not said that it is done
    GARBAGE = "garbage"  # what it prints is no event at all
    EMPTY = "empty"  # it says that it is done, and gives no answer
    LONG_LINE = "long line"  # a line of ten megabytes comes before it is done
    NOT_UTF_8 = "not UTF-8"  # bytes that are no text come before it is done
    HANGS = "hangs"  # it goes on for ever, ignores SIGTERM and has a child in another session
    CANCELLED = "cancelled"  # the same, and is cancelled
    DRIVER_KILLED = "driver killed"  # the same, and our driver gets SIGKILL


INTERRUPTED = (Kind.CANCELLED, Kind.DRIVER_KILLED)
ENDLESS = frozenset({Kind.HANGS, *INTERRUPTED})
PUT_UP_WITH = frozenset({Kind.LONG_LINE, Kind.NOT_UTF_8})
OUTCOMES = {
    **dict.fromkeys(Kind, Outcome.FAILED),
    **dict.fromkeys(PUT_UP_WITH, Outcome.SUCCEEDED),
    Kind.HANGS: Outcome.TIMED_OUT,
    Kind.CANCELLED: Outcome.CANCELLED,
}
ERRORS = {  # a part of it
    Kind.MISSING: "there is no program ",
    Kind.NO_CLOSING: "exit status 0, without saying that it is done",
    Kind.GARBAGE: "without saying that it is done",
    Kind.EMPTY: "it says that it is done, but gave no answer",
    Kind.HANGS: f"time limit of {TIMEOUT_SECONDS:g} s reached",
    Kind.CANCELLED: "cancelled",
    Kind.DRIVER_KILLED: "SIGKILL",
}
# Where a protocol of ours stands between, it knows better what happened.
OTHER_ERRORS = {
    ("openai", Kind.MISSING): "nobody answers at ",
    ("openai", Kind.NO_CLOSING): "the answer broke off after 5 characters",
    ("openai", Kind.GARBAGE): "the endpoint sent broken JSON",
    ("acp", Kind.NO_CLOSING): "it ended with exit status 0 in the middle of its turn",
    ("acp", Kind.GARBAGE): "it ended with exit status 0 in the middle of its turn",
}


@dataclass(frozen=True)
class StandIn:
    """A script in the place of one runner's program. `done` are the events with which the real one ends."""

    setting: str  # which of its runner's settings names the program
    done: tuple[Mapping[str, Any], ...]  # `ANSWER` stands for what it says
    also: Mapping[str, Any] | None = None  # further settings


def _item(text: str) -> Mapping[str, Any]:
    return {"type": "item.completed", "item": {"type": "agent_message", "text": text}}


STAND_INS = {
    "claude": StandIn("program", ({"type": "result", "subtype": "success", "is_error": False, "result": "ANSWER"},)),
    "codex": StandIn("program", (_item("ANSWER"), {"type": "turn.completed", "usage": {"input_tokens": 1}})),
    "gemini": StandIn(
        "program",
        ({"type": "message", "role": "assistant", "content": "ANSWER"}, {"type": "result", "status": "success"}),
    ),
    "opencode": StandIn(
        "program",
        (
            {"type": "text", "sessionID": "s", "part": {"text": "ANSWER"}},
            {"type": "step_finish", "sessionID": "s", "part": {"reason": "stop"}},
        ),
    ),
    "openclaw": StandIn("program", ({"ok": True, "final": "ANSWER", "sessionId": "s"},)),
    "own": StandIn("command", ({"result": "ANSWER"},), {"output": "json", "answer": "result"}),
    "acp": StandIn("command", ()),
}
# What it does, for runners behind which no program stands that could be another.
MOCK = {
    Kind.NO_CLOSING: "mock: crash 0",
    Kind.EMPTY: "mock: say",
    **dict.fromkeys(ENDLESS, "mock: run setsid sleep 1000 &\nmock: write begun now\nmock: hang"),
}
ENDLESS_SCRIPT = "trap '' TERM; setsid sleep 1000 & : > begun; while :; do sleep 0.2; done"
ACP = {
    Kind.EMPTY: "tool look",
    Kind.LONG_LINE: f"long {LONG}\ntool look\nsay done",
    Kind.NOT_UTF_8: "noise half an event {\nsay done",
}
CASES = [
    (runner, kind)
    for runner in (*STAND_INS, "openai", "mock")
    for kind in Kind
    if runner != "mock" or kind in MOCK  # it is part of us: never missing, and prints events alone
]


def test_every_runner_that_thinks_is_in_the_table():
    ours = {runner.name for runner in RUNNERS.values() if runner.thinks}
    assert {runner for runner, _ in CASES} == ours | {"own"}  # one of a mission's own


def script(runner: str, kind: Kind) -> str:
    """What the stand-in does, in shell."""
    if runner == "acp" and kind in ACP:
        return f"exec {shlex.quote(sys.executable)} {shlex.quote(scripted_acp_agent.__file__)}"
    done = "\n".join(json.dumps(event) for event in STAND_INS[runner].done)
    said = f"cat <<'EOF'\n{done.replace('ANSWER', '' if kind is Kind.EMPTY else 'done')}\nEOF\n"
    match kind:
        case Kind.GARBAGE:
            return r"printf 'x\000\033[2J{]\n{\n[[[[\n\377'"
        case Kind.EMPTY:
            return said
        case Kind.LONG_LINE:
            return f"head -c {LONG} /dev/zero | tr '\\0' x; echo; {said}"
        case Kind.NOT_UTF_8:
            return rf"printf 'caf\351 \377\376\n'; {said}"
        case _ if kind in ENDLESS:
            return ENDLESS_SCRIPT
    return ":"


def answer_of_the_model(prompt: str) -> Answer:
    """The endpoint's part in what goes wrong; its prompt names the kind."""
    kind = next(kind for kind in Kind if f"kind: {kind}" in prompt)
    good = b'data: {"choices": [{"delta": {"content": "done"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    match kind:
        case Kind.NO_CLOSING:
            return says("Half", finish=None)
        case Kind.GARBAGE:
            return sends(b"data: \xff{]\n\n", content_type="text/event-stream")
        case Kind.EMPTY:
            return says("")
        case Kind.LONG_LINE:
            return sends(b": " + b"x" * LONG + b"\n" + good, content_type="text/event-stream")
        case Kind.NOT_UTF_8:
            return sends(b": caf\xe9 \xff\xfe\n" + good, content_type="text/event-stream")
    return says_nothing


class Conformance:
    """One mission in which every case is one attempt."""

    def __init__(self, folder: Path, endpoint: ChatEndpoint) -> None:
        self._program = folder / "stand-in"
        self._program.write_text('#!/bin/sh\nexec /bin/sh "$MISSIONCTL_HOME/scripts/$MISSIONCTL_TASK"\n')
        self._program.chmod(0o755)
        self._endpoint = endpoint
        # A few at once: all of them together would take longer to start than their time limit.
        settings = json.dumps(self._runners(str(self._program), endpoint.url))
        self.mission = RealMission(folder / "mission", machine_slots=6, runners=settings)
        (self.mission.home / "scripts").mkdir()
        for name in dict.fromkeys(runner for runner, _ in CASES):
            new = NewAgent(name=name, runner=name, model="scripted", slots=len(Kind))
            self.mission.opened.squad.add(new, actor=PERSON)
        self._tasks: dict[tuple[str, Kind], Task] = {}

    def run(self) -> dict[tuple[str, Kind], Attempt]:
        """How each attempt ended."""
        self._add({Kind.MISSING})
        nowhere = self._runners("/nowhere/program", "http://127.0.0.1:1")
        self._beat(wait=True, MISSIONCTL_RUNNERS=json.dumps(nowhere))
        self._add({*Kind} - {Kind.MISSING, *INTERRUPTED})
        self._beat(wait=True)
        for kind in INTERRUPTED:
            self._interrupt(kind)
        return {case: self.mission.ended(self.mission.attempt(task)) for case, task in self._tasks.items()}

    def _runners(self, program: str, url: str) -> dict[str, Mapping[str, Any]]:
        known: dict[str, Mapping[str, Any]] = {"openai": {"url": url}}
        for name, stand_in in STAND_INS.items():
            named = [program] if stand_in.setting == "command" else program
            known[name] = {stand_in.setting: named, **(stand_in.also or {})}
        return known

    def _add(self, kinds: set[Kind]) -> dict[tuple[str, Kind], Task]:
        added = {}
        for runner, kind in CASES:
            if kind in kinds:
                steps = {"mock": MOCK, "acp": ACP}.get(runner, {}).get(kind, "")
                limit = timedelta(seconds=TIMEOUT_SECONDS if kind is Kind.HANGS else 300)
                new = NewTask(f"kind: {kind}", (runner,), description=steps, timeout=limit, max_attempts=1)
                task, _ = self.mission.board.add(new, actor=PERSON)
                if runner in STAND_INS:
                    (self.mission.home / "scripts" / task.name).write_text(script(runner, kind))
                added[runner, kind] = task
        self._tasks.update(added)
        return added

    def _beat(self, *, wait: bool, **environment: Any) -> None:
        words = ["--wait"] if wait else []
        self.mission.command("heartbeat", "--all", *words, timeout=300, **environment)

    def _has_begun(self, case: tuple[str, Kind]) -> bool:
        runner, kind = case
        if runner == "openai":
            return any(f"kind: {kind}" in asked["messages"][1]["content"] for asked in self._endpoint.questions)
        task = self._tasks[case]
        return (self.mission.folder.attempt(task.id, 1) / "workspace" / "begun").exists()

    def _interrupt(self, kind: Kind) -> None:
        tasks = self._add({kind})
        self._beat(wait=False, MISSIONCTL_MACHINE_SLOTS=str(len(tasks)))
        eventually(lambda: all(self._has_begun(case) for case in tasks), within=120)
        if kind is Kind.CANCELLED:
            self.mission.command("cancel", *(task.name for task in tasks.values()))
            return
        for found, _ in process.marked(f"MISSIONCTL_MARK={self.mission.home}:"):
            if process._output_of(["ps", "-o", "args=", "-p", str(found.pid)]).strip().endswith(DRIVER):
                os.kill(found.pid, signal.SIGKILL)


@pytest.mark.timeout(400)  # some eighty attempts
def test_every_runner_ends_as_it_should_and_leaves_no_process(tmp_path):
    with ChatEndpoint(answer_to=answer_of_the_model).serving() as endpoint:
        conformance = Conformance(tmp_path, endpoint)
        try:
            ended = conformance.run()
        finally:
            conformance.mission.close()  # which asserts that no process is left
    wrong = [
        f"{runner}, {kind}: {attempt.outcome}, {attempt.error!r}, {attempt.answer!r:.80}"
        for (runner, kind), attempt in ended.items()
        if not is_right(runner, kind, attempt)
    ]
    assert not wrong and len(ended) == len(CASES), "\n".join(wrong)


def is_right(runner: str, kind: Kind, attempt: Attempt) -> bool:
    if attempt.outcome is not OUTCOMES[kind]:
        return False
    if kind in PUT_UP_WITH:
        return attempt.answer == "done" and attempt.error is None
    return OTHER_ERRORS.get((runner, kind), ERRORS[kind]) in (attempt.error or "")
