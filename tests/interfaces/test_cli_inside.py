"""What agents at work may call, and that every other command is refused to them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mission_control.board import Claim
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Status
from mission_control.errors import Conflict
from mission_control.squad import NewAgent
from support.command import Answer, Command
from support.every_command import every_command
from support.factories import PERSON, ending, process
from support.real_mission import RealMission

MAY = {
    *("add", "ls", "show", "task add", "task list", "task show", "task comment"),
    *("progress", "ask", "hand-off", "attach", "remember", "mcp", "prime", "version"),
}
WITHOUT_A_MISSION = {"prime", "version"}


@pytest.fixture
def claim(mission: RealMission) -> Iterator[Claim]:
    """An attempt that is live without an executor."""
    mission.opened.squad.add(NewAgent(name="bob"), actor=PERSON)
    task = mission.add("true")
    claim = mission.board.claim_task(task.id, "ada", claimer=process())
    mission.board.start(claim.lease, process())
    yield claim
    with contextlib.suppress(Conflict):  # a test may have ended it
        mission.board.finish(claim.lease, ending(Outcome.CANCELLED))


@pytest.fixture
def inside(mission: RealMission, claim: Claim) -> Command:
    """The command as the agent of that attempt calls it."""
    return replace(mission.command, environment={"MISSIONCTL_KEY": claim.key})


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Answer]:
    """Calls with a key that is none, in no mission."""
    home = tmp_path_factory.mktemp("nowhere") / "mission"
    return Command(home, {"MISSIONCTL_KEY": "mck_T-1.1.1_" + "0" * 64})


@pytest.mark.parametrize("name", [" ".join(words) for words, _ in every_command()])
def test_every_command_that_is_not_for_agents_is_refused_before_anything_is_opened(
    refusals: Callable[..., Answer], name: str
) -> None:
    words = dict(zip(map(" ".join, dict(every_command())), dict(every_command()), strict=True))[name]
    command = dict(every_command())[words]
    assert command.inside == (name in MAY)
    if name in MAY:
        return
    required = [p for p in command.params if p.required and p.param_type_name == "argument"]
    values = ["inbox" if p.name == "status" else "bash" if p.name == "shell" else "1" for p in required]
    needed = [p for p in command.params if p.required and p.param_type_name == "option"]
    options = [word for p in needed for word in (p.opts[0], getattr(p.type, "choices", "1")[0])]
    answer = refusals(*words, *values, *options, expect=6)
    assert answer.out == ""
    assert f"may not call {words[-1]}" in answer.err


def test_an_agent_reports_by_commands_and_people_see_it(mission: RealMission, inside: Command, claim: Claim) -> None:
    inside("progress", "half", "--percent", "50")
    inside("task", "comment", "T-1", "Found it, @max")
    assert inside("add", "Check the numbers", "--to", "bob", "--command", "true").out == "T-2\n"
    (mission.home / "report.txt").write_text("42")
    assert inside("attach", "report.txt").out == "report.txt is kept, 2 bytes.\n"
    inside("remember", "-", stdin="The server is nemo.\n")
    page = inside("show", "T-1", "--json").json
    assert (page["attempts"][0]["progress"], page["attempts"][0]["progress_percent"]) == ("half", 50)
    assert [entry["author"] for entry in page["thread"]] == ["ada"]
    assert [subtask["id"] for subtask in page["subtasks"]] == ["T-2"]
    assert (mission.home / page["attachments"][0]["path"]).read_text() == "42"
    assert [task["id"] for task in inside("ls", "--json").json] == ["T-1", "T-2"]
    (live,) = mission.command("status", "--json").json["live"]
    assert live["progress"] == "half"
    assert mission.command("agent", "memory", "ada").out == "The server is nemo.\n"
    (call,) = mission.command("inbox", "--as", "max", "--json").json
    assert (call["need"], call["author"]) == ("mention", "ada")
    actors = {line["kind"]: line["actor"] for line in mission.command("events", "--json").json}
    assert {actors[kind] for kind in ("progress", "commented", "subtask_added", "attached", "remembered")} == {"ada"}


def test_a_question_waits_in_the_inbox_until_it_is_answered(
    mission: RealMission, inside: Command, claim: Claim
) -> None:
    asked = inside("ask", "Which server?").out
    assert asked == "Asked. End your work now: T-1 is blocked until somebody answers, and then it comes back to you.\n"
    mission.board.finish(claim.lease, ending())
    assert "ada asks: Which server?" in mission.command("show", "T-1").out
    (call,) = mission.command("inbox", "--json").json
    assert (call["need"], call["text"], call["next"]) == (
        "question",
        "Which server?",
        "missionctl task answer T-1 TEXT",
    )
    mission.command("task", "answer", "T-1", "nemo")
    assert mission.command("inbox", "--json").json == []


def test_what_an_agent_may_not_do_changes_nothing(mission: RealMission, inside: Command, claim: Claim) -> None:
    other = mission.add("true")
    for words, code, told in (
        (("task", "comment", other.name, "x"), 6, "is not yours"),
        (("task", "comment", "T-1", "x", "--as", "bob"), 6, "may not speak as bob"),
        (("task", "add", "x", "--command", "true", "--max-attempts", "50"), 6, "1 attempts"),
        (("task", "add", "--from", "-"), 6, "without --from"),
        (("task", "retry", "T-1"), 6, "may not call retry"),
        (("hand-off", "nobody", "x"), 3, "no agent nobody"),
        (("attach", "missing"), 3, "cannot be read"),
        (("progress", ""), 2, "no progress"),
    ):
        before = len(mission.opened.views.activities(limit=1000))
        answer = inside(*words, expect=code)
        assert told in answer.err, words
        assert len(mission.opened.views.activities(limit=1000)) == before


def test_a_task_is_handed_off_once(mission: RealMission, inside: Command, claim: Claim) -> None:
    inside("hand-off", "@bob", "Your turn")
    assert "handed T-1 off already" in inside("hand-off", "bob", "again", expect=4).err
    assert "handed T-1 off already" in inside("ask", "or not?", expect=4).err
    assert mission.board.finish(claim.lease, ending()).agents == ("bob",)


def test_when_its_attempt_has_ended_an_agent_may_do_nothing_more(
    mission: RealMission, inside: Command, claim: Claim
) -> None:
    mission.board.finish(claim.lease, ending())
    for words in (("show", "T-1"), ("ls",), ("add", "x"), ("task", "comment", "T-1", "x"), ("progress", "x")):
        assert "T-1/1 has ended" in inside(*words, expect=6).err


def test_a_key_that_was_taken_away_opens_nothing(mission: RealMission) -> None:
    """Some agents' programs hide variables that look like secrets from what they start."""
    hidden = replace(mission.command, environment={"MISSIONCTL_ATTEMPT": "T-1/1", "MISSIONCTL_AGENT": "ada"})
    assert "MISSIONCTL_KEY is missing" in hidden("ls", expect=6).err
    assert "MISSIONCTL_KEY is missing" in hidden("progress", "x", expect=6).err
    assert "may not call cancel" in hidden("cancel", "T-1", expect=6).err


def test_an_agent_cannot_raise_its_limits_by_its_environment(
    mission: RealMission, inside: Command, make_mission: Callable[..., RealMission]
) -> None:
    (mission.home / "mission.toml").write_text("max_subtasks = 0\n")
    told = inside("add", "x", "--command", "true", expect=6, MISSIONCTL_MAX_SUBTASKS="9")
    assert "has 0 subtasks, which is the limit" in told.err


def test_an_attempt_of_a_shell_reports_and_asks_and_gets_its_answer(mission: RealMission) -> None:
    script = (
        "missionctl progress 'looking' --percent 10 && "
        'if missionctl show $MISSIONCTL_TASK --json | grep -q \'"body": "nemo"\'; then echo done; '
        "else missionctl ask 'Which server?'; fi"
    )
    attempt = mission.run(script)
    assert (attempt.outcome, attempt.progress) == (Outcome.RELEASED, "looking"), mission.output(attempt)
    assert mission.task(attempt).status is Status.BLOCKED
    mission.command("task", "answer", "T-1", "nemo")
    mission.beat()
    assert mission.task(attempt).status is Status.DONE


def test_one_that_goes_on_after_its_question_is_ended(mission: RealMission) -> None:
    attempt = mission.run("missionctl ask 'Which?'; exec sleep 600")
    assert attempt.outcome is Outcome.RELEASED
    assert mission.task(attempt).reason == "ada asks: Which?"


def test_no_key_is_shown_though_an_attempt_prints_it(mission: RealMission) -> None:
    attempt = mission.run("echo key=$MISSIONCTL_KEY; echo $MISSIONCTL_KEY >&2; exit 3", max_attempts=1)
    assert b"mck_T-1.1.1_" in mission.output(attempt)
    told = [
        mission.command("task", "logs", "T-1").out,
        mission.command("task", "logs", "T-1", "--json").out,
        mission.command("show", "T-1", "--json").out,
        mission.command("events", "--json").out,
        mission.command("logs").out,
        mission.executor_log(),
    ]
    assert told[0] == "key=mck_•••\nmck_•••\n"
    assert not any("mck_T" in text for text in told)


def test_the_history_of_a_memory_shows_what_each_version_changed(
    mission: RealMission, inside: Command, claim: Claim
) -> None:
    inside("remember", "one\ntwo")
    mission.folder.working("ada").write_text("one\nby hand")
    inside("remember", "one\nthree")
    listed = mission.command("agent", "memory", "ada", "--history", "--json").json
    assert [(version["attempt"], version["body"]) for version in listed] == [
        ("T-1/1", "one\nthree"),
        (None, "one\nby hand"),
        ("T-1/1", "one\ntwo"),
    ]
    table = mission.command("agent", "memory", "ada", "--history").out.splitlines()
    assert [line.split("\t")[-2:] for line in table] == [["added", "removed"], ["1", "1"], ["1", "1"], ["2", "0"]]
    diff = mission.command("agent", "memory", "ada", "--diff", str(listed[0]["version"])).out
    assert "-by hand\n+three\n" in diff
    text = mission.command("agent", "memory", "ada", "--version", str(listed[2]["version"])).out
    assert text == "one\ntwo\n"
    assert mission.command("agent", "memory", "bob").out == "bob remembers nothing yet.\n"


def test_what_agents_are_taught_names_commands_that_exist(bare_missionctl: Command, tmp_path: Path) -> None:
    known = {" ".join(words) for words, _ in every_command()}
    for words in ((), ("--skill",)):
        text = bare_missionctl("prime", *words).out
        taught = {line.split("`")[0] for line in text.split("`missionctl ")[1:]}
        assert taught
        for call in taught:
            first, second = (*call.split()[:2], "")[:2]
            assert first in known or f"{first} {second}" in known, call
    assert bare_missionctl("prime", "--mcp", "--json").json["text"].startswith("{")
    bare_missionctl("prime", "--mcp", "--skill", expect=2)
