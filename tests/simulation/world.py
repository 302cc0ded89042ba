"""The simulated world: machines with their clocks, process tables and disks, and what truly happened in it."""

from __future__ import annotations

import io
import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

import pytest

from mission_control import log
from mission_control.board import Board
from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.execution import attendance, attended, exit_file, process, recovery
from mission_control.execution.execution import mark
from mission_control.folder import Folder
from mission_control.squad import Squad
from simulation.database import Fault, Fuse, Killed, new_database
from support.clock import FakeClock

FIRST_PID = 5_000_000  # beyond what a real process can have
PIDS = 40  # so few that they are used again soon
UNSYNCED_SECONDS = 5.0  # a file renamed so shortly before a power cut may be gone after it

Story = Generator[float, None, None]  # what an actor does, one side effect a step; yields when it wants to go on
Work = tuple[int, int]  # (task, number) of an attempt


class Kind(StrEnum):
    """What a simulated process is."""

    HEARTBEAT = "heartbeat"
    EXECUTOR = "executor"
    RUNNER = "runner"
    BYSTANDER = "bystander"  # has nothing to do with the mission


@dataclass(eq=False)
class SimulatedProcess:
    """One process of one machine."""

    machine: Machine
    kind: Kind
    identity: ProcessIdentity
    parent: int
    session: int
    work: Work | None = None
    agent: str = ""
    mark: str = ""  # the entry of its environment by which leftovers are known
    output: str = ""  # the file its output goes to
    alive: bool = True
    stopped_until: float = 0.0
    signals: set[str] = field(default_factory=set)
    story: Story | None = None
    wakes_at: float = 0.0
    on_end: list[Callable[[], object]] = field(default_factory=list)  # what the kernel closes
    ends_at: float = float("inf")
    exit_code: int = 0
    ignores_term: bool = False
    holds_lease: bool = False  # an executor, from the answer that it may start until its tree has ended

    @property
    def pid(self) -> int:
        return self.identity.pid

    @property
    def seen(self) -> process.Process:
        """Its line in the process table."""
        return process.Process(self.pid, self.parent, self.session, self.identity.started, is_zombie=False)

    def __str__(self) -> str:
        about = f" of T-{self.work[0]}/{self.work[1]}" if self.work else ""
        return f"{self.kind} {self.pid}{about} on {self.machine.name}"


class Machine:
    """A computer: its clock goes wrong, it restarts, its pids are used again."""

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self.config = config
        self.folder = Folder(config.home)
        self.clock = FakeClock()
        self.processes: dict[int, SimulatedProcess] = {}
        self.disk: dict[str, tuple[str, float]] = {}  # path -> (content, when it was written)
        self.boots = 1
        self._ticks = 0  # since boot, as start times are counted
        self._next_pid = 0
        self.board: Board
        self.squad: Squad

    @property
    def boot(self) -> str:
        return f"{self.name}-{self.boots}"

    def spawn(
        self, kind: Kind, *, parent: SimulatedProcess | None = None, pid: int | None = None, **fields: Any
    ) -> SimulatedProcess:
        """A new process, in the session of its parent, or leading one of its own; `pid` must be free."""
        pid = pid or self._free_pid()
        self._ticks += 1
        who = ProcessIdentity(pid, str(self._ticks), self.boot)
        session = parent.session if parent else pid
        born = SimulatedProcess(self, kind, who, parent.pid if parent else 1, session, **fields)
        self.processes[pid] = born
        return born

    def _free_pid(self) -> int:
        while True:
            pid = FIRST_PID + self._next_pid
            self._next_pid = (self._next_pid + 1) % PIDS
            if pid not in self.processes:
                return pid

    def end(self, ended: SimulatedProcess) -> None:
        """It is gone; the kernel closes what it had open, orphans go to init."""
        ended.alive = False
        del self.processes[ended.pid]
        for other in self.processes.values():
            if other.parent == ended.pid:
                other.parent = 1
        for close in ended.on_end:
            close()

    def restart(self, *, power_cut: bool) -> None:
        """Everything ends; pids and start times begin anew."""
        for running in list(self.processes.values()):
            self.end(running)
        self.boots += 1
        self._ticks, self._next_pid = 0, 0
        if power_cut:
            now = self.clock.monotonic()
            self.disk = {path: kept for path, kept in self.disk.items() if now - kept[1] > UNSYNCED_SECONDS}


class World:
    """All machines, the board they share, and the truth that the board is compared with."""

    def __init__(self, rng: random.Random, *, hosts: tuple[str, ...], machine_slots: int | None) -> None:
        self.rng = rng
        self.fuse = Fuse()
        self.connection, self.store = new_database(self.fuse)
        self.machines = [self._machine(host, machine_slots) for host in hosts]
        self.running: SimulatedProcess | None = None  # whose step it is; null: a person's
        self.here = self.machines[0]  # where that is
        self.happened: dict[Work, set[Outcome]] = defaultdict(set)  # what may honestly be said of an attempt
        self.ran: Counter[Work] = Counter()  # runners started
        self.wrongs: list[tuple[str, str]] = []  # (invariant, what) that can only be seen as it happens
        self.said: deque[str] = deque(maxlen=60)
        self.counts: Counter[str] = Counter()
        self.meanwhile: Callable[[float], None]  # lets others act; the simulation knows how

    def _machine(self, host: str, machine_slots: int | None) -> Machine:
        home = Path("/simulated") / host
        config = Config(home=home, host=host, timezone="UTC", machine_slots=machine_slots)
        machine = Machine(host, config)
        machine.board = Board(
            self.store, machine.clock, config, refuses=lambda _runner, _command: None, jitter=self.rng.random
        )
        machine.squad = Squad(self.store, machine.clock, config, runners=("shell",))
        return machine

    def note(self, what: str, counted: str | None = None) -> None:
        """One line of the story, told when a run fails; `counted` shows at the end that such things happened."""
        who = self.running or "people"
        self.said.append(f"{who}: {what}")
        if counted:
            self.counts[counted] += 1

    def processes(self, *kinds: Kind) -> Iterator[SimulatedProcess]:
        for machine in self.machines:
            for found in machine.processes.values():
                if found.kind in kinds:
                    yield found

    def monotonic(self) -> float:
        return self.here.clock.monotonic()

    def elapse(self, seconds: float) -> None:
        """Time passes everywhere; runners whose time has come end."""
        for machine in self.machines:
            machine.clock.advance(timedelta(seconds=seconds))
        now = self.monotonic()
        for runner in [r for r in self.processes(Kind.RUNNER) if r.ends_at <= now]:
            assert runner.work is not None
            self.happened[runner.work].add(Outcome.FAILED if runner.exit_code else Outcome.SUCCEEDED)
            runner.machine.end(runner)

    def sleep(self, seconds: float) -> None:
        """Whoever acts waits, others act meanwhile; it may not live to see the end of it."""
        me = self.running
        self.meanwhile(seconds)
        if me is not None and not me.alive:
            raise Killed

    def side_effect(self) -> None:
        """Called before whatever an actor does to the world; the fuse may end it here."""
        if self.fuse.burn() is Fault.KILL:
            raise Killed

    def start_runner(
        self, executor: SimulatedProcess, *, seconds: float, exit_code: int, stray: bool
    ) -> SimulatedProcess:
        """What the attempt executes, if need be with a child of a session of its own that ignores SIGTERM."""
        assert executor.work is not None
        self.side_effect()
        machine, work = executor.machine, executor.work
        self.ran[work] += 1
        known_by: dict[str, Any] = {
            "work": work,
            "agent": executor.agent,
            "mark": mark(str(machine.config.home), f"T-{work[0]}/{work[1]}"),
            "output": str(machine.folder.output(*work)),
        }
        ends_at = self.monotonic() + seconds
        main = machine.spawn(Kind.RUNNER, parent=executor, ends_at=ends_at, exit_code=exit_code, **known_by)
        if stray:
            straying = machine.spawn(Kind.RUNNER, ignores_term=True, **known_by)
            straying.parent = executor.pid
        return main

    def signal(self, target: SimulatedProcess, number: Signals) -> None:
        """What a signal does to what is no actor."""
        if target.kind is Kind.BYSTANDER:
            self.wrongs.append(("I5", f"{target} was sent {number.name} and has nothing to do with the mission"))
        if number is SIGKILL or not target.ignores_term:
            target.machine.end(target)

    def write_exit_file(self, work: Work, token: int, ending: Ending) -> None:
        """Whole or not there, as exit_file.write does it."""
        self.side_effect()
        content = json.dumps({"token": token, "ending": exit_file.to_json(ending)})
        path = str(self.here.folder.attempt(*work) / exit_file.NAME)
        self.here.disk[path] = (content, self.monotonic())

    def open(self, path: str, encoding: str) -> io.StringIO:
        """`open` as exit_file.read calls it."""
        if path not in self.here.disk:
            raise FileNotFoundError(path)
        return io.StringIO(self.here.disk[path][0])

    def look(self, pid: int) -> process.Process | None:
        found = self.here.processes.get(pid)
        return found.seen if found else None

    def table(self) -> dict[int, process.Process]:
        self.sleep(0)
        return {pid: found.seen for pid, found in self.here.processes.items()}

    def environment(self, pid: int) -> list[bytes]:
        found = self.here.processes.get(pid)
        return [found.mark.encode()] if found else []

    def output_file(self, pid: int) -> str:
        found = self.here.processes.get(pid)
        return found.output if found else ""

    def send_one(self, seen: process.Process, number: Signals) -> bool:
        """As process._send_one: never to a later process with the same pid."""
        self.side_effect()
        found = self.here.processes.get(seen.pid)
        if found is None or found.identity.started != seen.started:
            return False
        self.signal(found, number)
        return True


def _unlogged(path: Path | str, event: str, at: datetime, **fields: object) -> None:
    """Log lines are nothing that anybody here reads."""


@contextmanager
def inhabited(world: World) -> Iterator[None]:
    """Inside, the program's own code sees the processes, files and time of this world instead of the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "HAS_PROC", True)
        patch.setattr(process, "boot", lambda: world.here.boot)
        patch.setattr(process, "_look", world.look)
        patch.setattr(process, "table", world.table)
        patch.setattr(process, "_environment", world.environment)
        patch.setattr(process, "_output_file", world.output_file)
        patch.setattr(process, "_send_one", world.send_one)
        for module in (attendance, attended, recovery):
            patch.setattr(module, "time", world)
        patch.setattr(exit_file, "open", world.open, raising=False)
        patch.setattr(log, "append", _unlogged)
        yield
