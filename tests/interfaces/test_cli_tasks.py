"""The life of tasks from the shell: what each command prints, and what it ends with."""

from __future__ import annotations

import json
import subprocess

import pytest

from mission_control.store.schema import open_store
from support.command import COMMAND, Command
from support.database import ask
from support.eventually import eventually

TASK_KEYS = {
    "id", "title", "description", "status", "priority", "agents", "command", "after", "waiting_for", "not_before",
    "max_attempts", "timeout_seconds", "review", "reason", "key", "legacy_id", "created_at", "updated_at",
}  # fmt: skip


@pytest.fixture
def squad(missionctl: Command) -> Command:
    """A mission with two agents."""
    missionctl("agent", "add", "ada")
    missionctl("agent", "add", "bob")
    return missionctl


def added(missionctl: Command, *words: object) -> str:
    """The id of a new task for ada."""
    return missionctl("add", "--to", "ada", *words).out.strip()


def blocked(missionctl: Command) -> str:
    task = added(missionctl, "Fail", "--command", "false", "--max-attempts", 1)
    missionctl("heartbeat", "ada", "--wait")
    return task


def in_review(missionctl: Command) -> str:
    task = added(missionctl, "Look", "--command", "true", "--review")
    missionctl("heartbeat", "ada", "--wait")
    return task


def status(missionctl: Command, task: str) -> str:
    return str(missionctl("show", task, "--json").json["status"])


# Coming to the board


def test_adding_on_a_pipe_prints_the_id_alone(squad: Command) -> None:
    assert squad("add", "First", "--to", "ada", "--command", "true").out == "T-1\n"
    assert squad("task", "add", "Second", "--to", "@bob", "--command", "true").out == "T-2\n"


def test_everything_that_was_given_is_kept(squad: Command) -> None:
    first = added(squad, "First", "--command", "true")
    words = ["--to", "ada,bob", "--to", "@ada", "--command", "make test", "--description", "why\nand how"]
    words += ["--priority", "urgent", "--after", "1", "--max-attempts", "5", "--timeout", "1.5h"]
    words += ["--not-before", "2126-02-06T10:00:00Z", "--review", "--key", "only once"]
    task = squad("add", "All of it", *words, "--json").json
    assert set(task) >= {*TASK_KEYS, "attempts"}
    given = {
        "title": "All of it", "agents": ["ada", "bob"], "command": "make test", "description": "why\nand how",
        "priority": "urgent", "after": [first], "max_attempts": 5, "timeout_seconds": 5400,
        "not_before": "2126-02-06T10:00:00.000000Z", "review": True, "key": "only once", "status": "inbox",
    }  # fmt: skip
    assert {name: task[name] for name in given} == given
    assert task["waiting_for"] == [f"{first} is inbox", "not before 2126-02-06T10:00:00.000000Z"]


def test_a_title_may_start_with_a_dash_after_two(missionctl: Command) -> None:
    assert missionctl("add", "--json", "--", "--help").json["title"] == "--help"


def test_a_description_comes_from_standard_input(missionctl: Command) -> None:
    task = missionctl("add", "X", "--description", "-", "--json", stdin="from\na pipe ✓\n").json
    assert task["description"] == "from\na pipe ✓\n"


def test_adding_twice_with_one_key_gives_one_task(missionctl: Command) -> None:
    assert missionctl("add", "X", "--key", "k").out == missionctl("add", "Y", "--key", "k").out
    assert [task["title"] for task in missionctl("ls", "--json").json] == ["X"]


def test_a_task_for_nobody_says_so(missionctl: Command) -> None:
    answer = missionctl("add", "X")
    assert answer.out == "T-1\n"
    assert "missionctl task edit T-1 --to AGENT" in answer.err


def test_what_the_runner_cannot_do_is_refused_when_it_is_added(squad: Command) -> None:
    answer = squad("add", "X", "--to", "ada", expect=2)
    assert "command" in answer.err
    assert squad("ls", "--json").json == []


# Looking


def test_lists_on_a_pipe_are_tab_separated_and_uncut(squad: Command) -> None:
    title = "A \\ long title " + "x" * 400
    added(squad, title, "--command", "true", "--priority", "high")
    lines = squad("ls").out.splitlines()
    assert lines[0] == "id\tstatus\ttitle\tpriority\tagents\twaiting_for\tupdated_at"
    assert lines[1].split("\t")[:6] == ["T-1", "inbox", title.replace("\\", "\\\\"), "high", "ada", ""]
    assert len(lines) == 2


def test_lists_filter_and_order(squad: Command) -> None:
    low = added(squad, "Report low", "--command", "true", "--priority", "low")
    urgent = added(squad, "Report urgent", "--command", "true", "--priority", "urgent")
    other = squad("add", "Other", "--to", "bob", "--command", "true").out.strip()
    squad("cancel", other)

    def ids(*words: str) -> list[str]:
        return [task["id"] for task in squad("ls", "--json", *words).json]

    assert ids() == [urgent, low]
    assert ids("--all") == [other, urgent, low]
    assert ids("--limit", "1") == [urgent]
    assert ids("--status", "cancelled") == [other]
    assert ids("--agent", "bob") == []
    assert ids("--agent", "@bob", "--all") == [other]
    assert ids("--search", "REPORT LOW") == [low]
    assert ids("--search", "%") == []
    assert [task["id"] for task in squad("ready", "--json").json] == [urgent, low]
    assert squad("ready", "--agent", "bob").out == squad("ls", "--status", "done").out


def test_the_list_has_no_attempts_unless_asked(squad: Command) -> None:
    blocked(squad)
    assert "attempts" not in squad("ls", "--json").json[0]
    (attempt,) = squad("ls", "--json", "--attempts").json[0]["attempts"]
    assert attempt["id"] == "T-1/1"
    assert attempt["outcome"] == "failed"
    assert attempt["exit_code"] == 1


def test_show_tells_the_thread_and_the_history(squad: Command) -> None:
    task = blocked(squad)
    squad("task", "comment", task, "Why?")
    shown = squad("show", task.removeprefix("T-"), "--json").json
    assert [comment["body"] for comment in shown["thread"]] == ["Why?"]
    assert [activity["kind"] for activity in shown["activities"]] == ["added", "claim", "failed", "commented"]
    assert "1 attempt failed" in shown["reason"]
    facts = dict(line.split("\t", 1) for line in squad("show", task).out.splitlines())
    assert facts["status"] == "blocked"
    assert facts["agents"] == "ada"


# Moving


def test_retry_puts_a_blocked_task_back_and_counts_from_zero(squad: Command) -> None:
    task = blocked(squad)
    again = squad("retry", task, "--after", "10m", "--json").json
    assert (again["status"], again["failures"]) == ("inbox", 0)
    assert again["not_before"] is not None
    assert len(again["attempts"]) == 1
    assert squad("retry", task, expect=4).out == ""


def test_approve_and_reject_end_a_review(squad: Command) -> None:
    first, second = in_review(squad), in_review(squad)
    assert squad("task", "approve", first).out == f"{first}\n"
    rejected = squad("task", "reject", second, "Tests are missing", "--json").json
    assert (status(squad, first), rejected["status"]) == ("done", "inbox")
    (comment,) = squad("show", second, "--json").json["thread"]
    assert (comment["kind"], comment["body"]) == ("rejection", "Tests are missing")
    squad("task", "approve", second, expect=4)
    squad("task", "reject", second, "again", expect=4)


def test_an_answer_puts_a_blocked_task_back(squad: Command) -> None:
    task = blocked(squad)
    assert squad("task", "answer", task, "-", "--as", "bob", "--json", stdin="Use staging").json["status"] == "inbox"
    (comment,) = squad("show", task, "--json").json["thread"]
    assert (comment["author"], comment["kind"], comment["body"]) == ("bob", "answer", "Use staging")
    assert "Possible now: cancel." in squad("task", "answer", task, "again", expect=4).err


def test_move_does_what_a_person_may_and_nothing_else(squad: Command) -> None:
    task = in_review(squad)
    assert "--comment" in squad("task", "move", task, "inbox", expect=2).err
    assert squad("task", "move", task, "inbox", "--comment", "No", "--json").json["status"] == "inbox"
    assert "Possible now: cancelled" in squad("task", "move", task, "done", expect=4).err
    assert squad("task", "move", task, "cancelled", "--json").json["status"] == "cancelled"
    assert squad("task", "move", task, "inbox", "--json").json["status"] == "inbox"


def test_several_ids_change_all_or_none(squad: Command) -> None:
    done, open_one = blocked(squad), added(squad, "Open", "--command", "true")
    squad("retry", done, open_one, expect=4)
    assert status(squad, done) == "blocked"
    squad("retry", done, "T-99", expect=3)
    assert status(squad, done) == "blocked"
    assert [task["status"] for task in squad("cancel", done, open_one, "--json").json] == ["cancelled", "cancelled"]


def test_cancelling_what_runs_ends_it(squad: Command) -> None:
    task = added(squad, "Sleep", "--command", "exec sleep 600")
    squad("heartbeat", "ada")
    eventually(lambda: squad("show", task, "--json").json["attempts"][0]["pid"])
    cancelled = squad("cancel", task, "--json").json
    assert cancelled["status"] == "cancelled"
    assert cancelled["attempts"][0]["outcome"] == "cancelled"


def test_cancelling_without_waiting_says_that_it_is_not_over(squad: Command) -> None:
    task = added(squad, "Stubborn", "--command", "trap '' TERM; sleep 600 & wait; sleep 600")
    squad("heartbeat", "ada")
    eventually(lambda: squad("show", task, "--json").json["attempts"][0]["pid"])
    answer = squad("cancel", task, "--no-wait", "--json")
    if answer.json["status"] == "in_progress":
        assert answer.json["cancel_requested_at"]
        assert f"{task}/1" in answer.err
    assert squad("task", "wait", task, "--json", "--timeout", "60", expect=1).json["status"] == "cancelled"


def test_wait_tells_done_from_failed_and_from_too_late(squad: Command) -> None:
    good = added(squad, "Good", "--command", "true")
    late = added(squad, "Late", "--command", "true", "--not-before", "1h")
    squad("heartbeat", "ada", "--wait")
    assert squad("task", "wait", good).out == f"{good}\n"
    answer = squad("task", "wait", good, late, "--timeout", "300ms", expect=124)
    assert answer.out == ""
    assert late in answer.err
    squad("cancel", late)
    assert [task["status"] for task in squad("task", "wait", good, late, "--json", expect=1).json] == [
        "done",
        "cancelled",
    ]
    squad("task", "wait", "T-99", expect=3)


def test_wait_sees_work_that_ends_meanwhile(squad: Command) -> None:
    task = added(squad, "Soon", "--command", "true")
    waiting = squad.start("task", "wait", task, "--json")
    squad("heartbeat", "ada", "--wait")
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert json.loads(out)["status"] == "done"


# Editing, depending, deleting


def test_edit_changes_what_is_named_and_nothing_else(squad: Command) -> None:
    task = added(squad, "Old", "--command", "true", "--description", "stays")
    edited = squad(
        "task", "edit", task, "--title", "New", "--to", "bob", "--priority", "low", "--review", "--json"
    ).json
    assert (edited["title"], edited["agents"], edited["priority"], edited["review"]) == ("New", ["bob"], "low", True)
    assert edited["description"] == "stays"
    assert squad("task", "edit", task, "--unassign", "--no-review", "--json").json["agents"] == []
    squad("task", "edit", task, "--to", "nobody-here", expect=3)
    squad("task", "edit", task, expect=2)
    squad("task", "edit", task, "--to", "ada", "--unassign", expect=2)


def test_dependencies_come_and_go_and_never_in_circles(squad: Command) -> None:
    first, second = added(squad, "A", "--command", "true"), added(squad, "B", "--command", "true")
    assert squad("task", "depend", second, "--on", first, "--json").json["after"] == [first]
    squad("task", "depend", first, "--on", second, expect=4)
    squad("task", "depend", first, "--on", first, expect=4)
    squad("task", "depend", first, "--on", second, "--remove", expect=3)
    assert squad("task", "depend", second, "--on", first, "--remove", "--json").json["after"] == []


def test_deleting_needs_a_yes_and_can_be_tried(squad: Command) -> None:
    first, second = added(squad, "A", "--command", "true"), added(squad, "B", "--command", "true", "--after", "1")
    assert "--yes" in squad("task", "delete", first, expect=2).err
    squad("task", "delete", first, "--dry-run", expect=4)
    assert squad("task", "delete", second, "--dry-run", "--json").json == {"deleted": [second], "dry_run": True}
    assert len(squad("ls", "--json").json) == 2
    assert squad("task", "delete", second, first, "--yes", "--json").json["deleted"] == [second, first]
    assert squad("ls", "--all", "--json").json == []


def test_a_comment_is_given_back(squad: Command) -> None:
    task = added(squad, "A", "--command", "true")
    comment = squad("task", "comment", task, "--json", "--as", "@bob", "--", "--quiet would help").json
    assert comment.keys() == {"id", "task", "author", "kind", "body", "created_at"}
    assert (comment["task"], comment["author"], comment["body"]) == (task, "bob", "--quiet would help")


def test_inside_an_attempt_the_agent_is_the_actor(squad: Command) -> None:
    task = added(squad, "A", "--command", "true")
    assert squad("task", "comment", task, "Done", "--json", MISSIONCTL_AGENT="ada").json["author"] == "ada"


# Refusals


@pytest.mark.parametrize(
    "words",
    ["show", "retry", "cancel", "task approve", "task move {} done", "task comment {} text", "task answer {} text",
     "task reject {} text", "task edit {} --title X", "task delete {} --yes", "task depend {} --on T-1", "task wait"],
)  # fmt: skip
def test_a_task_that_is_not_there_ends_with_exit_3(missionctl: Command, words: str) -> None:
    with_id = words if "{}" in words else f"{words} {{}}"
    answer = missionctl(*with_id.format("T-99").split(), expect=3)
    assert answer.out == ""
    assert answer.err.startswith("missionctl: There is no task T-99.")


def test_a_database_held_by_somebody_else_ends_with_exit_5(missionctl: Command) -> None:
    holder = open_store(str(missionctl.home / "mission.db"))
    with holder.transaction():
        answer = missionctl("add", "X", expect=5)
    holder.close()
    assert "Try again" in answer.err
    assert missionctl("ls", "--json").json == []


def test_an_old_id_of_another_system_finds_its_task(missionctl: Command) -> None:
    task = missionctl("add", "Imported").out.strip()
    store = open_store(str(missionctl.home / "mission.db"))
    ask(store, "UPDATE task SET legacy_id = 'old-7f'")
    store.close()
    assert missionctl("show", "old-7f", "--json").json["id"] == task


def test_shell_substitution_composes(squad: Command) -> None:
    script = 'id=$("$0" add Now --to ada --command true) && "$0" heartbeat ada --wait >&2 && "$0" task wait "$id"'
    done = subprocess.run(
        ["bash", "-c", script, COMMAND], cwd=squad.home, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "T-1\n")
