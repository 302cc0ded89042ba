"""Any agent that speaks ACP: a real agent process at the other end, made with the protocol's own SDK.

What the agent does stands in the prompt, see support/scripted_acp_agent.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from acp.schema import StopReason

from mission_control.execution import process
from mission_control.execution.protocols.acp import Drive, Turn, closing_of
from mission_control.execution.protocols.permissions import Permission, Policy, Request
from mission_control.execution.protocols.telling import (
    Closing,
    Event,
    Note,
    Session,
    Spent,
    Text,
    ToolEnded,
    ToolStarted,
    TurnEnded,
    told,
)
from mission_control.execution.report import Judgement
from support import loops, scripted_acp_agent
from support.eventually import eventually

AGENT = (sys.executable, scripted_acp_agent.__file__)


class AcpProgram:
    """Our program with an agent behind it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.events: list[Event] = []
        self.said = ""  # what it printed that is no event, and its errors

    def start(self, *words: str, argv: Any = AGENT, **settings: Any) -> subprocess.Popen[bytes]:
        file = self.folder / "turn.json"
        file.write_text(json.dumps({"argv": [*argv, *words], "workspace": str(self.workspace), **settings}))
        program = [sys.executable, "-P", "-m", "mission_control.execution.protocols.acp", str(file)]
        environment = {"PATH": os.defpath, "HOME": str(self.folder)}
        with (self.folder / "output.log").open("wb") as log:  # as in an attempt
            return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment)

    def turn(self, script: str, *words: str, argv: Any = AGENT, **settings: Any) -> Closing:
        """In this process, which has what it needs imported; the agent is one of its own."""
        turn = Turn(argv=[*argv, *words], workspace=str(self.workspace), **settings)
        environment = {"PATH": os.defpath, "HOME": str(self.folder)}
        self.events = []
        try:
            drive = Drive(turn, script, environment, self.events.append)
            return loops.run(drive.run())
        except TurnEnded as ended:
            return ended.closing

    def give(self, program: subprocess.Popen[bytes], script: str) -> None:
        assert program.stdin is not None
        with program.stdin as stdin:
            stdin.write(script.encode())

    def end(self, program: subprocess.Popen[bytes]) -> Closing:
        program.wait(60)
        self.events, self.said = [], ""
        for line in (self.folder / "output.log").read_bytes().decode(errors="replace").splitlines():
            event = told(line)
            if event is None:
                self.said += f"{line}\n"
            else:
                self.events.append(event)
        assert self.events, self.said
        closing = self.events.pop()
        assert isinstance(closing, Closing), self.said
        assert (program.returncode == 0) == (closing.verdict is Judgement.SUCCEEDED)
        return closing

    @property
    def notes(self) -> list[str]:
        return [event.line for event in self.events if isinstance(event, Note)]


@pytest.fixture
def program(tmp_path: Path) -> AcpProgram:
    return AcpProgram(tmp_path)


def test_a_whole_turn(program):
    closing = program.turn("say Let me look.\nplan look,mend\ntool ls\nfail make\ncost 0.25\nsay All done.")
    assert closing == Closing(Judgement.SUCCEEDED, answer="All done.")
    assert program.notes == ["scripted 1.0", "plan: [ ] look; [ ] mend"]
    steps = [event for event in program.events if not isinstance(event, Note | Session | Text)]
    assert steps == [
        ToolStarted("ls"),
        ToolEnded("ls"),
        ToolStarted("make"),
        ToolEnded("make", error="failed"),
        Spent(cost_usd=0.25),
        Spent(100, 20, 0.25),
    ]
    assert "".join(event.piece for event in program.events if isinstance(event, Text)) == "Let me look. All done. "


def test_files_are_read_and_written_in_the_workspace_alone(program):
    (program.folder / "secret").write_text("secret")
    script = "write a/new.txt hello\nread a/new.txt\nread ../secret\nwrite /tmp/mine x\nread missing"
    answer = program.turn(script).answer
    assert answer is not None
    assert answer.startswith("written read 'hello' refused")
    assert answer.count("is outside of the workspace") == 2 and "No such file" in answer
    assert (program.workspace / "a/new.txt").read_text() == "hello"


def test_permission_is_given_by_the_rules_in_their_order(program):
    rules = [
        {"answer": "reject", "kind": "execute", "title": "git push*"},
        {"answer": "allow", "kind": "execute"},
    ]
    script = "ask execute ls\nask execute git push -f\nask delete all"
    answer = program.turn(script, permissions="reject", rules=rules).answer
    assert answer == "ls: the-allow_once git push -f: the-reject_once all: the-reject_once"
    assert os.listdir(program.workspace) == ["ls"]
    assert "asks to execute: git push -f: reject" in program.notes


def test_a_permission_that_a_person_must_give_ends_the_turn_with_the_question(program):
    closing = program.turn("say I will deploy.\nask execute deploy\nsleep 60\nsay Deployed.", permissions="ask")
    question = "May it 'deploy' (execute)? Only an answer that begins with yes allows it."
    assert closing == Closing(Judgement.ASKS, question=question)
    assert not os.listdir(program.workspace)


def test_what_a_person_decided_holds_when_the_session_goes_on(program):
    asked = {"permissions": "ask", "asked_file": str(program.folder / "asked")}
    program.turn("ask execute deploy [all]", **asked)
    (session,) = (event.name for event in program.events if isinstance(event, Session))
    closing = program.turn("ask execute deploy [all]", session=session, decided="Yes, do.", **asked)
    assert closing == Closing(Judgement.SUCCEEDED, answer="deploy [all]: the-allow_once")


@pytest.mark.parametrize(
    ("answer", "permission"),
    [("yes", "allow"), (" OK, go", "allow"), ("no", "reject"), ("yesterday", "reject"), ("Not yes", "reject")],
)
def test_only_a_plain_yes_is_one(answer, permission):
    policy = Policy(Permission.ASK).with_decision(Request("execute", "make *"), answer)
    assert policy.answer("execute", "make *") == permission
    assert policy.answer("execute", "make all") == "ask"


@pytest.mark.parametrize("way", ["", "resumes"])
def test_a_session_is_gone_on_with_and_its_past_is_not_told_again(program, way):
    assert program.turn("think a\nthink b\nsay one", *way.split()).answer == "one"
    (session,) = (event.name for event in program.events if isinstance(event, Session))
    closing = program.turn("recall", *way.split(), session=session)
    assert closing == Closing(Judgement.SUCCEEDED, answer="3 lines before")
    assert "before: " not in "".join(event.piece for event in program.events if isinstance(event, Text))


def test_a_session_that_cannot_be_gone_on_with_is_not_promised(program):
    program.turn("say one", "forgetful")
    assert not [event for event in program.events if isinstance(event, Session)]
    closing = program.turn("say two", "forgetful", session="gone")
    assert closing.verdict is Judgement.FAILED and "cannot go on with its session" in str(closing.error)


def test_servers_mode_and_sign_in_are_handed_to_the_agent(program):
    servers = [{"name": "board", "command": "missionctl", "args": ["mcp"], "env": {"A": "b"}}]
    closing = program.turn("recall", "signed-out", mcp_servers=servers, mode="careful", sign_in_by="key")
    assert closing.answer == "1 lines before"  # the server, noted by the session


FAILURES = {
    "it ended with exit status 3 in the middle of its turn": "die 3",
    "it closed its output, or printed what is no message, in the middle of its turn": "close",
    "it answered with an error: The model failed: 429 too many requests": "error -32603 429 too many requests",
}


@pytest.mark.parametrize(("error", "script"), FAILURES.items())
def test_a_turn_that_fails_says_why(program, error, script):
    assert program.turn(script) == Closing(Judgement.FAILED, error=error)


def test_every_reason_to_stop_is_told_in_words():
    errors = {reason: closing_of(reason, "", was_stopped=False).error for reason in get_args(StopReason)}
    assert errors == {
        "end_turn": None,
        "max_tokens": "its answer was cut at the model's token limit",
        "max_turn_requests": "it stopped at its own limit of questions to the model",
        "refusal": "it refused: no reason given",
        "cancelled": "it cancelled its own turn",
    }


def test_programs_that_are_no_agents_are_told_apart(program):
    def error_of(*argv: str, **settings: Any) -> str:
        return str(program.turn("say hello", argv=argv, **settings).error)

    assert error_of("true") == "it ended with exit status 0 in the middle of its turn"
    assert "is sleep an agent that speaks ACP?" in error_of("sleep", "60", hello_seconds=0.2)
    answer = """read hello; echo '{"jsonrpc": "2.0", "id": 0, "result": {}}'; read more"""
    assert error_of("sh", "-c", answer) == (
        "it sent an answer that is not as ACP has it: InitializeResponse.protocolVersion: Field required"
    )
    no_message = """read hello; echo '[1]'; read more"""
    assert "or printed what is no message" in error_of("sh", "-c", no_message)
    assert error_of("cat") == 'it answered with an error: Method not found: {"method": "initialize"}'


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        ("no-such-agent", "there is no program no-such-agent on PATH. Install it, or name another."),
        ("/", "/ cannot be started: Permission denied"),
    ],
)
def test_programs_that_cannot_be_started_are_named(program, argv, error):
    started = program.start(argv=[argv])
    program.give(started, "say hello")
    assert program.end(started) == Closing(Judgement.FAILED, error=error)


def test_an_agent_that_is_signed_out_or_speaks_another_version_says_so(program):
    error = str(program.turn("say hello", "signed-out").error)
    assert error.startswith("not signed in: Authentication required: run `scripted login`.")
    assert program.turn("say hello", mode="reckless").error == "it has no mode 'reckless'; it has bold, careful"
    assert program.turn("say hello", "old").error == "it speaks version 0 of ACP, we speak 1"


def test_noise_on_its_output_is_shown_and_long_messages_are_whole(program):
    started = program.start()
    program.give(started, "noise Loading…\nlong 10000000")
    closing = program.end(started)
    assert closing.answer == "x" * 10_000_000
    assert "acp: Error parsing JSON-RPC message" in program.said and "Traceback" not in program.said


def stopped_in_mid_turn(program: AcpProgram, *words: str) -> tuple[Closing, list[str]]:
    """How it ends when it gets SIGTERM while its agent sleeps, and what the agent noted of it."""
    started = program.start(*words)
    program.give(started, "run exec sleep 1000\nsleep 1000\nsay Too late.")
    (history,) = eventually(lambda: list(program.folder.glob("sessions/*")), within=60)
    eventually(lambda: "sleep 1000" in history.read_text().splitlines(), within=60)
    started.send_signal(signal.SIGTERM)
    return program.end(started), history.read_text().splitlines()


@pytest.mark.parametrize("words", [(), ("stubborn",)])
def test_sigterm_cancels_the_turn_and_ends_the_agent(program, words):
    closing, noted = stopped_in_mid_turn(program, *words)
    assert closing == Closing(Judgement.FAILED, error="it was told to stop")
    assert noted[-1] == "cancelled"
    environment = f"HOME={program.folder}".encode()
    left = [pid for pid in process.table() if environment in process._environment(pid)]
    # What the agent moved into another session is the executor's to end, which sees the whole tree.
    assert [process._output_of(["ps", "-o", "args=", "-p", str(pid)]).strip() for pid in left] == ["sleep 1000"]
    for pid in left:
        os.kill(pid, signal.SIGKILL)


def test_sigterm_before_the_first_word_ends_it_too(program):
    started = program.start("mute")
    program.give(started, "say hello")
    environment = f"HOME={program.folder}".encode()
    eventually(
        lambda: len([pid for pid in process.table() if environment in process._environment(pid)]) == 2, within=60
    )
    started.send_signal(signal.SIGTERM)
    assert program.end(started).error == "it was told to stop"
