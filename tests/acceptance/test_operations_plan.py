"""The operations plan, carried out to the letter: every step, and every line of what must hold afterwards.

The commands are those of docs/operations-plan.md, in its order; a step names the heading whose commands it carries
out. The crontab and the cron are Debian's own where that can be, and one schedule is waited for, a minute at most.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.command import SCRIPTS, Command
from support.crontab import FakeCrontab, fake_crontab
from support.eventually import eventually
from support.pages import DOCS, shell_blocks
from support.real_cron import NoRealCron, real_cron

AGENT = "samurai_jack"
SQUAD = {"blossom", "courage", "dexter", "johnny_bravo", AGENT}
EVERY_QUARTER_HOUR = {"*/15", "2-59/15", "4-59/15", "6-59/15", "8-59/15"}
# The test task sleeps until its status has been looked at.
SLEEP = "#!/bin/sh\nuntil [ -e '{gate}' ]; do /bin/sleep 0.05; done\n"
MOST_SECONDS = 100  # cron looks at its crontabs once a minute
ENDED_BY_CTRL_C = 130


@dataclass(frozen=True)
class Said:
    """What one command of the page said."""

    command: str
    code: int
    out: str


@dataclass
class Operator:
    """Somebody who carries out the page, and looks at the mission between its commands."""

    home: Path
    path: str
    firing: Callable[[], AbstractContextManager[None]]  # cron at work
    before: bytes = b""  # the crontab as it was
    backup: str = ""
    _left: dict[str, list[str]] = field(default_factory=dict)

    @property
    def mission(self) -> Path:
        return self.home / "my-mission"

    @property
    def missionctl(self) -> Command:
        return Command(self.mission, {"PATH": self.path})

    @property
    def environment(self) -> Mapping[str, str]:
        # A failed task is tried again without delay: the plan is about what happens, not about how long it takes.
        return {**self.missionctl._environment(), "MISSIONCTL_BACKOFF_BASE_SECONDS": "0"}

    def read(self, page: str) -> None:
        for block in shell_blocks(page):
            self._left.setdefault(block.heading, []).extend(block.commands)

    @property
    def left(self) -> Mapping[str, list[str]]:
        """Commands of the page that have not been carried out."""
        return {heading: commands for heading, commands in self._left.items() if commands}

    def carry_out(self, heading: str, count: int | None = None) -> list[Said]:
        """The next `count` commands below this heading, or all that are left; each must end with 0."""
        there = self._left[heading]
        now, self._left[heading] = there[:count], there[len(there) if count is None else count :]
        said = [self.give(command) for command in now]
        assert [(one.command, one.code, one.out) for one in said if one.code != 0] == []
        return said

    def give(self, command: str) -> Said:
        """Carry out one line of shell."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.mission if self.mission.exists() else self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        return Said(command, done.returncode, done.stdout + done.stderr)

    def follow(self, heading: str, until: str) -> str:
        """Carry out the next command below this heading, which only Ctrl-C ends, until it has shown these words."""
        words = self._left[heading].pop(0).split()
        assert words[0] == "missionctl" and words[-1] == "-f", words
        following = self.missionctl.start(*words[1:])
        assert following.stdout is not None
        lines = []
        for line in following.stdout:
            lines.append(line)
            if re.search(until, line):
                following.send_signal(signal.SIGINT)
                break
        rest, err = following.communicate(timeout=30)
        assert (following.returncode, err) == (ENDED_BY_CTRL_C, ""), err
        return "".join(lines) + rest

    def task(self, name: str) -> Any:
        return self.missionctl("show", name, "--json").json

    def crontab(self) -> bytes:
        return subprocess.run(["crontab", "-l"], env=self.environment, capture_output=True, check=True).stdout

    def log(self, kind: str) -> str:
        return (self.mission / "logs" / f"{AGENT}-{kind}.log").read_text()


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """In a home of their own, with a job in the crontab that has nothing to do with us."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sleep").write_text(SLEEP.format(gate=tmp_path / "gate"))
    (programs / "sleep").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:
        path, firing = a_cron(tmp_path, stack)
        made = Operator(home, os.pathsep.join([str(programs), str(SCRIPTS), path]), firing)
        made.before = f"# mine\n* * * * * touch '{home}/my-own-job'\n".encode()
        subprocess.run(["crontab", "-"], env=made.environment, input=made.before, check=True)
        made.read((DOCS / "operations-plan.md").read_text(encoding="utf-8"))
        yield made


def a_cron(folder: Path, stack: ExitStack) -> tuple[str, Callable[[], AbstractContextManager[None]]]:
    """A PATH with a crontab on it, and its cron: Debian's, or where that cannot be a stand-in that plays one minute."""
    try:
        real = stack.enter_context(real_cron(folder))
    except NoRealCron:
        fake = fake_crontab(folder / "fake")
        return fake.path, lambda: played(fake)
    return real.path, real.running


@contextmanager
def played(crontab: FakeCrontab) -> Iterator[None]:
    """Each line of every minute, carried out once as cron does."""
    assert crontab.text is not None
    for line in crontab.text.decode().splitlines():
        if line.startswith("* * * * * "):
            subprocess.run(["/usr/bin/env", "-i", "/bin/sh", "-c", line.removeprefix("* * * * * ")], check=True)
    yield


# The steps


def before_there_is_a_mission_with_the_squad(operator: Operator) -> None:
    operator.carry_out("Before")
    assert {agent["name"] for agent in operator.missionctl("agent", "list", "--json").json} == SQUAD


def step_1_the_present_state_is_backed_up_in_a_dated_folder_with_the_crontab(operator: Operator) -> None:
    made, listed = operator.carry_out("1. Back up the present state")
    operator.backup = made.out.strip()
    backup = Path(operator.backup)
    assert re.fullmatch(r"backup-\d{8}-\d{6}", backup.name)
    assert (backup / "crontab.txt").read_bytes() == operator.before
    assert {"mission.db", "mission.toml", "manifest.json"} <= {path.name for path in backup.iterdir()}
    assert "\twhole\t" in listed.out


def step_2_what_is_needed_is_there(operator: Operator) -> None:
    (said,) = operator.carry_out("2. Verify")
    assert "fault\t" not in said.out


def step_3_a_heartbeat_is_tried_without_consequences_and_its_log_is_read(operator: Operator) -> None:
    tried, given, log = operator.carry_out("3. Try it without consequences")
    assert "HEARTBEAT_OK" in tried.out and "HEARTBEAT_OK" in given.out
    assert log.out.count("heartbeat_ok") == 1


def step_4_a_test_task_is_created(operator: Operator) -> None:
    made, listed, tried = operator.carry_out("4. Create a test task")
    assert made.out == "T-1\n"
    assert "Test Task - Execution System" in listed.out
    assert "T-1" in tried.out
    task = operator.task("T-1")
    assert (task["agents"], task["status"], task["priority"]) == ([AGENT], "inbox", "high")
    assert task["description"] and task["attempts"] == []


def step_5_it_is_run_and_watched_until_it_is_done(operator: Operator) -> None:
    started, shown, status = operator.carry_out("5. Run it", 3)
    assert "STARTED" in started.out
    assert "\nstatus\tin_progress\n" in shown.out
    assert f"\n{AGENT}\tactive\t1\t" in status.out
    (operator.home.parent / "gate").touch()
    assert "attempt_started" in operator.follow("5. Run it", until="attempt_succeeded")
    _, shown, printed = operator.carry_out("5. Run it")
    assert "\nstatus\tdone\n" in shown.out
    assert printed.out == f"executed by {AGENT}\n"


def step_6_the_schedule_is_deployed_and_stands_in_the_crontab(operator: Operator) -> None:
    tried, _, shown, crontab = operator.carry_out("6. Deploy the schedule")
    assert all(f" heartbeat {name} --stamp >>" in tried.out for name in SQUAD)
    assert all(f" heartbeat {name} --stamp >>" in crontab.out for name in SQUAD)
    assert crontab.out.endswith(operator.before.decode())
    assert all(name in shown.out for name in SQUAD)


def the_heartbeat_runs_every_15_minutes(operator: Operator) -> None:
    lines = [line for line in operator.crontab().decode().splitlines() if " heartbeat " in line]
    assert {line.split()[0] for line in lines} == EVERY_QUARTER_HOUR
    assert {tuple(line.split()[1:5]) for line in lines} == {("*", "*", "*", "*")}


def step_7_the_first_cycle_is_watched_and_the_logs_are_searched(operator: Operator) -> None:
    heading = "7. Watch the first cycle"
    operator.carry_out(heading, 3)
    with operator.firing():
        seen = operator.follow(heading, until="attempt_succeeded .*T-2/1")
        eventually((operator.home / "my-own-job").exists, within=MOST_SECONDS)
    assert "attempt_claimed attempt=T-2/1" in seen
    _, errors, failures, _, _ = operator.carry_out(heading)
    assert (errors.out, failures.out) == ("", "")
    assert "STARTED" in operator.log("cron")
    assert operator.missionctl("logs", "T-2").out == "woken by cron\n"
    the_heartbeat_runs_every_15_minutes(operator)


# What holds afterwards


def a_task_in_the_inbox_is_picked_up_by_the_heartbeat(operator: Operator) -> None:
    assert "attempt_claimed attempt=T-1/1" in operator.log("heartbeat")


def its_executor_is_started_as_the_executor_log_says(operator: Operator) -> None:
    assert "attempt_started task=T-1" in operator.log("executor")


def its_status_goes_from_inbox_to_in_progress_to_done(operator: Operator) -> None:
    assert moves(operator, "T-1") == [(None, "inbox"), ("inbox", "in_progress"), ("in_progress", "done")]


def each_task_runs_in_a_process_of_its_own(operator: Operator) -> None:
    pids = [attempt["pid"] for name in ("T-1", "T-2") for attempt in operator.task(name)["attempts"]]
    assert len(set(pids)) == 2 and os.getpid() not in pids


def a_failed_task_is_tried_three_times_and_then_blocked(operator: Operator) -> None:
    operator.carry_out("What must hold now", 3)
    eventually(lambda: operator.give(f"missionctl heartbeat {AGENT} --wait") and operator.task("T-3")["failures"] == 3)
    task = operator.task("T-3")
    assert (task["status"], task["reason"]) == ("blocked", "3 attempts failed, the last: exit status 1")
    assert [attempt["outcome"] for attempt in task["attempts"]] == ["failed"] * 3
    assert moves(operator, "T-3")[-2:] == [("inbox", "in_progress"), ("in_progress", "blocked")]


def no_task_is_executed_twice_at_once(operator: Operator) -> None:
    operator.carry_out("What must hold now", 4)
    (attempt,) = operator.task("T-4")["attempts"]
    assert attempt["outcome"] == "succeeded"
    assert operator.missionctl("logs", "T-4").out == "once\n"


def the_logs_and_the_history_hold_all_activity(operator: Operator) -> None:
    (history,) = operator.carry_out("What must hold now")
    for task in ("T-1", "T-2", "T-3", "T-4"):
        count = len(operator.task(task)["attempts"])
        for kind, log in (("claim", "heartbeat"), ("started", "executor")):
            pattern = rf"attempt_{kind}\w* .*attempt={task}/"
            assert len(re.findall(pattern, operator.log(log))) == count, (task, kind)
        assert len(re.findall(rf"\t{task}\t\d+\tclaim\t", history.out)) == count


def moves(operator: Operator, task: str) -> list[tuple[str | None, str]]:
    """Every change of the task's status, as the database has kept it."""
    events = operator.missionctl("events", "--json", "-n", "1000").json
    return [(event["from_status"], event["to_status"]) for event in events if event["task"] == task]


def monitoring_shows_log_lines_figures_counts_and_who_is_active(operator: Operator) -> None:
    log, stats, by_status, status = operator.carry_out("Monitoring")
    assert 0 < len(log.out.splitlines()) <= 50
    assert f"\n{AGENT}\t6\t3\t3\t" in stats.out  # executions, succeeded, failed
    assert "\ndone\t3\t" in by_status.out and "\nblocked\t1\t" in by_status.out
    assert f"\n{AGENT}\tidle\t0\t" in status.out


def the_way_back_leads_to_the_crontab_and_the_data_of_before(operator: Operator) -> None:
    tried, _, crontab, _, _, listed, shown = operator.carry_out("Roll back")
    assert f"-# BEGIN missionctl {operator.mission}" in tried.out
    assert crontab.out.encode() == operator.before == operator.crontab()
    assert "T-1" not in listed.out
    assert "my-own-job" not in shown.out
    assert {agent["name"] for agent in operator.missionctl("agent", "list", "--json").json} == SQUAD
    assert operator.missionctl("add", "Next").out == "T-5\n"  # no number is given out twice


PLAN: tuple[Callable[[Operator], None], ...] = (
    before_there_is_a_mission_with_the_squad,
    step_1_the_present_state_is_backed_up_in_a_dated_folder_with_the_crontab,
    step_2_what_is_needed_is_there,
    step_3_a_heartbeat_is_tried_without_consequences_and_its_log_is_read,
    step_4_a_test_task_is_created,
    step_5_it_is_run_and_watched_until_it_is_done,
    step_6_the_schedule_is_deployed_and_stands_in_the_crontab,
    the_heartbeat_runs_every_15_minutes,
    step_7_the_first_cycle_is_watched_and_the_logs_are_searched,
    a_task_in_the_inbox_is_picked_up_by_the_heartbeat,
    its_executor_is_started_as_the_executor_log_says,
    its_status_goes_from_inbox_to_in_progress_to_done,
    each_task_runs_in_a_process_of_its_own,
    a_failed_task_is_tried_three_times_and_then_blocked,
    no_task_is_executed_twice_at_once,
    the_logs_and_the_history_hold_all_activity,
    monitoring_shows_log_lines_figures_counts_and_who_is_active,
    the_way_back_leads_to_the_crontab_and_the_data_of_before,
)


@pytest.mark.slow
@pytest.mark.timeout(600)  # a busy machine; a quiet one takes a minute, most of which is spent waiting for cron
def test_the_operations_plan_is_carried_out_to_the_letter(operator: Operator, subtests: pytest.Subtests) -> None:
    for step in PLAN:
        is_done = False
        with subtests.test(step.__name__):
            step(operator)
            is_done = True
        assert is_done, f"{step.__name__}: what follows builds on it"
    assert operator.left == {}, "commands of the page that no step has carried out"
