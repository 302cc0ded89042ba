"""A real mission: a folder, a database, the installed command in processes of their own, tasks that really run."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from mission_control import config as settings
from mission_control.app import create_mission, open_mission
from mission_control.board import Board
from mission_control.domain.attempt import Attempt
from mission_control.domain.draft import NewTask
from mission_control.domain.task import Status, Task
from mission_control.execution import exit_file, process
from mission_control.folder import Folder
from mission_control.interfaces.mission import Mission
from mission_control.squad import NewAgent
from mission_control.store import agents, attempts, tasks
from support.command import Command
from support.eventually import eventually, expect
from support.factories import PERSON
from support.invariants import check_board

AT_THE_GATE = 'until [ -e "$MISSIONCTL_HOME/gate" ]; do sleep 0.01; done; '  # a command waits until it is opened
QUICK = {"backoff_base_seconds": 0, "grace_seconds": 0.5, "lease_seconds": 1, "poll_seconds": 0.2}


class RealMission:
    """A mission whose settings make tests quick. Its board is also open in this process."""

    def __init__(self, home: Path, **changes: object) -> None:
        """`changes` are settings of mission.toml, by name."""
        create_mission(home).close()
        lines = [f"{name} = {json.dumps(value)}" for name, value in {**QUICK, **changes}.items()]
        (home / settings.SETTINGS_FILE).write_text("\n".join(lines))
        self.home = home
        self.command = Command(home)
        self.opened: Mission = open_mission(str(home))
        self.board: Board = self.opened.board
        self.folder: Folder = self.opened.folder

    # What people do

    def add(self, command: str, *, to: str = "ada", **fields: Any) -> Task:
        """A task for an agent, who joins when it is missing. `fields` are those of NewTask; `timeout` in seconds."""
        if agents.get(self.opened.store, to) is None:
            self.opened.squad.add(NewAgent(name=to, slots=8), actor=PERSON)
        if "timeout" in fields:
            fields["timeout"] = timedelta(seconds=fields["timeout"])
        fields.setdefault("max_attempts", 1)
        task, _ = self.board.add(NewTask(title="A real task", command=command, agents=(to,), **fields), actor=PERSON)
        return task

    def beat(self, *names: str, wait: bool = True, **environment: Any) -> Any:
        """Run `missionctl heartbeat` to its end and return what it reported."""
        which = names or ("--all",)
        return self.command("heartbeat", *which, *(["--wait"] if wait else []), "--json", **environment).json

    def run(self, command: str, **fields: Any) -> Attempt:
        """Add a task, give a heartbeat that waits, and return how its first attempt ended."""
        task = self.add(command, **fields)
        self.beat()
        return self.attempt(task)

    def start(self, command: str, **fields: Any) -> Attempt:
        """Add a task and come back when its runner has been started; nobody attends its executor any more."""
        task = self.add(command, **fields)
        self.beat(wait=False)
        return expect(lambda: self.executing(task))

    def open_gate(self) -> None:
        """Let every command that is AT_THE_GATE go on."""
        (self.home / "gate").touch()

    # What can be seen

    def task(self, task: Task | Attempt) -> Task:
        found = tasks.get(self.opened.store, task.id if isinstance(task, Task) else task.task_id)
        assert found is not None
        return found

    def attempts(self, task: Task) -> list[Attempt]:
        return attempts.of_task(self.opened.store, task.id)

    def attempt(self, task: Task | Attempt) -> Attempt:
        """The only attempt of a task, or the same attempt as it stands now."""
        if isinstance(task, Attempt):
            found = attempts.get(self.opened.store, task.task_id, task.number)
            assert found is not None
            return found
        (only,) = self.attempts(task)
        return only

    def executing(self, task: Task) -> Attempt | None:
        """The last attempt once it has a log, which is when its runner is spawned."""
        for attempt in self.attempts(task)[-1:]:
            if attempt.executor is not None and self.folder.output(task.id, attempt.number).exists():
                return attempt
        return None

    def ended(self, attempt: Attempt, within: float = 20.0) -> Attempt:
        """The attempt once its end is recorded."""
        return expect(lambda: found if not (found := self.attempt(attempt)).is_live else None, within=within)

    def output(self, of: Task | Attempt) -> bytes:
        attempt = self.attempt(of)
        return self.folder.output(attempt.task_id, attempt.number).read_bytes()

    def exit_file(self, attempt: Attempt) -> Any:
        """What the attempt's executor left behind, or None."""
        return exit_file.read(self.folder.attempt(attempt.task_id, attempt.number), attempt.token)

    def executor_log(self, agent: str = "ada") -> str:
        path = self.folder.executor_log(agent)
        return path.read_text() if path.exists() else ""

    # What ends

    def settle(self, within: float = 60.0) -> None:
        """Give heartbeats until no task is in the inbox or in progress."""
        end = time.monotonic() + within
        while counts := self._open_tasks():
            assert time.monotonic() < end, f"Not settled: {counts}\n{attempts.live(self.opened.store)}"
            self.beat()

    def _open_tasks(self) -> dict[Status, int]:
        counts = tasks.counts(self.opened.store)
        return {status: counts[status] for status in (Status.INBOX, Status.IN_PROGRESS) if counts.get(status)}

    def processes(self) -> list[str]:
        """What lives of this mission: attempts by their mark, executors and launchers by the HOME they came with."""
        home = f"HOME={self.home.parent}"
        found = []
        for pid, entry in process.table().items():
            words = process._environment(pid)
            if (
                not entry.is_zombie
                and pid != os.getpid()
                and (
                    home.encode() in words or any(w.startswith(f"MISSIONCTL_MARK={self.home}:".encode()) for w in words)
                )
            ):
                found.append(f"{pid}: {process._output_of(['ps', '-o', 'args=', '-p', str(pid)]).strip()}")
        return found

    def close(self) -> None:
        """Assert that nothing lives any more and that the board is sound; end what does."""
        try:
            eventually(lambda: not self.processes())
        finally:
            for line in self.processes():
                os.kill(int(line.partition(":")[0]), signal.SIGKILL)
        check_board(self.opened.store)
        self.opened.close()
