"""A plain model at a chat endpoint: the loop of questions and tools, and every way in which it may come to nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mission_control.execution.protocols.completions import retry_at_of
from mission_control.execution.protocols.openai import Conversation, Turn
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
from support.chat_endpoint import (
    Answer,
    ChatEndpoint,
    hangs_up,
    refuses,
    says,
    says_nothing,
    sends,
    streams,
    uses,
)
from support.eventually import eventually

KEY = "sk-very-secret"


class Model:
    """One turn against an endpoint that answers as told; what was told and asked is kept."""

    def __init__(self, folder: Path, serve: Callable[[ChatEndpoint], ChatEndpoint]) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.conversations = folder / "conversations"
        self.events: list[Event] = []
        self._serve = serve
        self.endpoint: ChatEndpoint

    def turn(self, *answers: Answer, prompt: str = "Do it.", **settings: Any) -> Closing:
        self.endpoint = self._serve(ChatEndpoint(*answers))
        environment = {"PATH": os.defpath, "OPENAI_API_KEY": KEY}
        try:
            return Conversation(self.settings(**settings), prompt, environment, self.events.append).hold()
        except TurnEnded as ended:
            return ended.closing

    def settings(self, **settings: Any) -> Turn:
        chosen = {"base_url": self.endpoint.url, "model": "small", "retry_pauses": (), **settings}
        places: dict[str, Any] = {"workspace": str(self.workspace), "conversations": str(self.conversations)}
        return Turn(session="one", **places, **chosen)

    @property
    def asked(self) -> list[dict[str, Any]]:
        return self.endpoint.questions

    def tool_result(self, question: int = 1) -> str:
        """What the model was told of the tool that it used before this question."""
        message = self.asked[question]["messages"][-1]
        assert message["role"] == "tool"
        return str(message["content"])


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Model]:
    with ExitStack() as stack:
        yield Model(tmp_path, lambda endpoint: stack.enter_context(endpoint.serving()))


def test_it_uses_tools_until_the_model_has_no_more_wishes(model):
    closing = model.turn(
        uses("write_file", {"path": "notes/a.txt", "content": "hello"}),
        uses("run_command", {"command": "cat notes/a.txt"}),
        says("All done."),
    )
    assert closing == Closing(Judgement.SUCCEEDED, answer="All done.")
    assert (model.workspace / "notes/a.txt").read_text() == "hello"
    assert model.tool_result(2) == "hello\n[exit status 0]"
    kinds = [type(event) for event in model.events if not isinstance(event, Spent | Session)]
    assert kinds == [ToolStarted, ToolEnded, ToolStarted, ToolEnded, Text, Text]


def test_tokens_of_all_its_questions_are_added_up(model):
    model.turn(uses("list_files", {"path": "."}), says("Empty."))
    assert [event for event in model.events if isinstance(event, Spent)] == [Spent(100, 10), Spent(200, 20)]


def test_unknown_tokens_stay_unknown(model):
    assert model.turn(says("Hi.", usage=None)).verdict is Judgement.SUCCEEDED
    assert Spent(None, None, None) in model.events


def test_a_cost_that_the_endpoint_tells_is_kept(model):
    model.turn(says("Hi.", usage={"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.25}))
    assert Spent(1, 1, 0.25) in model.events


def test_an_endpoint_that_does_not_stream_is_understood(model):
    answer = {"choices": [{"message": {"content": "Whole."}, "finish_reason": "stop"}]}
    assert model.turn(sends(json.dumps(answer).encode())).answer == "Whole."


def test_a_later_turn_goes_on_with_the_conversation(model):
    model.turn(says("Which one?"))
    assert Session("one") in model.events
    model.turn(says("Both, then."), prompt="Both.", goes_on=True)
    roles = [(message["role"], message["content"]) for message in model.asked[0]["messages"][1:]]
    assert roles == [("user", "Do it."), ("assistant", "Which one? "), ("user", "Both.")]


def test_what_was_done_before_a_failure_is_gone_on_with(model):
    model.turn(uses("write_file", {"path": "a", "content": "1"}), refuses(400, "too long"))
    model.turn(says("Done."), prompt="Go on.", goes_on=True)
    assert [message["role"] for message in model.asked[0]["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "user",
    ]


def test_a_conversation_that_is_gone_is_no_new_one(model):
    error = "its conversation one cannot be gone on with; the next attempt starts afresh"
    assert model.turn(says("Hello."), goes_on=True).error == error
    assert not model.asked and Session("one") not in model.events


def test_the_key_goes_to_the_endpoint_and_not_to_the_commands_of_the_model(model):
    model.turn(uses("run_command", {"command": "env"}), says("Done."))
    assert model.endpoint.keys == [f"Bearer {KEY}"] * 2
    assert KEY not in model.tool_result()


FAILURES = {
    "not signed in: 127.0.0.1 answered 401: bad key •••. Check OPENAI_API_KEY.": [refuses(401, f"bad key {KEY}")],
    "no credit left: 127.0.0.1 answered 429: You exceeded it (insufficient_quota)": [
        refuses(429, "You exceeded it", code="insufficient_quota")
    ],
    "127.0.0.1 answered 404: no such model. Is the model 'small' there, is base_url right?": [
        refuses(404, "no such model")
    ],
    "127.0.0.1 answered 400: too long (context_length_exceeded)": [
        refuses(400, "too long", code="context_length_exceeded")
    ],
    "127.0.0.1 answered 503: <html> busy": [sends(b"<html>\n busy", status=503, content_type="text/html")],
    "127.0.0.1 answered 302: no reason given": [sends(b"", status=302, location="http://127.0.0.1:1/")],
    "the answer broke off after 8 characters": [says("Half an", finish=None)],
    "the endpoint sent broken JSON: '{\"choices\": ['": [
        sends(b'data: {"choices": [\n\n', content_type="text/event-stream")
    ],
    "the endpoint sent 'hello' instead of an event": [streams("hello")],
    "the endpoint broke off its answer: out of memory": [streams({"error": {"message": "out of memory"}})],
    "the answer was cut at the model's token limit": [says("Once upon", finish="length")],
    "the endpoint's content filter cut the answer": [says("", finish="content_filter")],
    "the model refused: I will not.": [
        streams({"choices": [{"delta": {"refusal": "I will not."}, "finish_reason": "stop"}]})
    ],
    "not done after 2 turns, which is the limit (max_turns)": [uses("list_files", {"path": "."})] * 2,
}


@pytest.mark.parametrize(("error", "answers"), FAILURES.items())
def test_a_turn_that_fails_says_why(model, error, answers):
    closing = model.turn(*answers, max_turns=2)
    assert (closing.verdict, closing.error) == (Judgement.FAILED, error)


def test_an_endpoint_that_hangs_up_or_says_nothing_is_named(model):
    assert "broke off" in str(model.turn(hangs_up).error)
    assert "said nothing for 0.1 s" in str(model.turn(says_nothing, silence_seconds=0.1).error)


def test_a_line_of_ten_megabytes_is_read_and_an_endless_one_is_not(model):
    assert model.turn(says("x" * 10_000_000)).answer == "x" * 10_000_000
    endless = sends(b"data: " + b"x" * 17_000_000, content_type="text/event-stream")
    assert model.turn(endless).error == "the endpoint sent a line of more than 16000000 bytes"


def test_what_is_not_utf_8_does_not_end_the_turn(model):
    event = b'data: {"choices": [{"delta": {"content": "caf\\u00e9 \xff"}, "finish_reason": "stop"}]}\n\n'
    closing = model.turn(sends(event, content_type="text/event-stream"))
    assert closing.verdict is Judgement.FAILED and "broken JSON" in str(closing.error)


def test_nobody_listening_is_named(model):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses, and nobody else can take it
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = model.turn(base_url=url).error
    assert error is not None and error.startswith(f"nobody answers at {url}/chat/completions: ")


def test_an_address_that_is_none_is_named(model):
    assert model.turn(base_url="localhost:80").error == (
        "localhost:80/chat/completions is no address: it must begin with http:// or https://"
    )


def test_a_missing_key_is_named_when_one_is_wanted(model):
    error = str(model.turn(refuses(401, "no key"), key_name="OTHER_KEY").error)
    assert error.endswith("OTHER_KEY is not set here.")
    assert model.endpoint.keys == [None]


def test_a_passing_fault_is_asked_again_and_no_tool_is_used_twice(model):
    closing = model.turn(
        uses("run_command", {"command": "echo once >> log"}),
        refuses(503, "busy"),
        says("Half", finish=None),
        says("Done."),
        retry_pauses=(0.0, 0.0),
    )
    assert closing.answer == "Done."
    assert (model.workspace / "log").read_text() == "once\n"
    notes = [event.line for event in model.events if isinstance(event, Note)]
    assert notes == [
        "127.0.0.1 answered 503: busy; asked again in 0 s",
        "the answer broke off after 5 characters; asked again in 0 s",
    ]


def test_a_rate_limit_is_told_with_its_end(model):
    before = datetime.now(UTC)
    closing = model.turn(refuses(429, "slow down", retry_after="30"))
    assert (closing.verdict, closing.error) == (Judgement.RATE_LIMITED, "rate limit: 127.0.0.1 answered 429: slow down")
    assert closing.retry_at is not None
    assert timedelta(seconds=30) <= closing.retry_at - before < timedelta(seconds=60)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Fri, 06 Feb 2026 10:01:00 GMT"}, 60),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "1e30"}, 7 * 86_400),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_every_form_of_retry_after_is_understood(headers, seconds):
    now = datetime(2026, 2, 6, 10, tzinfo=UTC)
    assert retry_at_of(headers, now) == (None if seconds is None else now + timedelta(seconds=seconds))


TOOL_FAULTS = {
    "error: there is no tool 'rm'; there are read_file, write_file, list_files, run_command": ("rm", {}),
    "error: the arguments are not valid JSON": ("read_file", '{"path": '),
    "error: read_file takes exactly path": ("read_file", {"path": "a", "mode": "w"}),
    "error: the arguments of read_file must be texts": ("read_file", {"path": 1}),
    "error: missing: No such file or directory": ("read_file", {"path": "missing"}),
    "error: /etc/passwd is outside of the workspace": ("read_file", {"path": "/etc/passwd"}),
    "error: ../secret is outside of the workspace": ("write_file", {"path": "../secret", "content": ""}),
    "error: .. is outside of the workspace": ("list_files", {"path": ".."}),
}


@pytest.mark.parametrize(("result", "call"), TOOL_FAULTS.items())
def test_what_is_wrong_with_a_tool_is_told_to_the_model(model, result, call):
    assert model.turn(uses(*call), says("I see.")).verdict is Judgement.SUCCEEDED
    assert model.tool_result() == result
    json.loads(model.asked[1]["messages"][-2]["tool_calls"][0]["function"]["arguments"])  # as endpoints demand


def test_a_call_that_was_cut_is_not_done(model):
    closing = model.turn(uses("run_command", {"command": "touch done"}, finish="length"))
    assert closing.error == "the answer was cut at the model's token limit"
    assert not (model.workspace / "done").exists()


def test_the_program_tells_events_line_by_line_and_ends_with_0_only_for_a_success(model, tmp_path):
    for answer, status in ((says("Fine."), 0), (refuses(401, "no"), 1)):
        closing, done = run_program(model, tmp_path, answer)
        assert done == status and (closing.verdict is Judgement.SUCCEEDED) == (status == 0)


def run_program(model: Model, folder: Path, *answers: Answer) -> tuple[Closing, int]:
    model.endpoint = model._serve(ChatEndpoint(*answers))
    program = start_program(model, folder)
    out, _ = program.communicate(b"Do it.", timeout=60)
    closing = told(out.decode().splitlines()[-1])
    assert isinstance(closing, Closing)
    return closing, program.returncode


def start_program(model: Model, folder: Path) -> subprocess.Popen[bytes]:
    file = folder / "turn.json"
    file.write_text(json.dumps(vars(model.settings())))
    argv = [sys.executable, "-P", "-m", "mission_control.execution.protocols.openai", str(file)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_sigterm_ends_it_in_mid_answer(model, tmp_path):
    model.endpoint = model._serve(ChatEndpoint(says_nothing))
    program = start_program(model, tmp_path)
    assert program.stdin is not None
    program.stdin.write(b"Do it.")
    program.stdin.close()
    eventually(lambda: model.asked)
    program.send_signal(signal.SIGTERM)
    assert program.wait(20) == -signal.SIGTERM
    assert program.stdout is not None
    program.stdout.close()
