"""One operation on a small database, with a power cut or a fault of the disk at each call that SQLite makes for it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from mission_control.board import Board
from mission_control.config import Config
from mission_control.errors import CommitUnknown, MissionControlError
from mission_control.squad import Squad
from mission_control.store import health
from mission_control.store.schema import migrate
from mission_control.store.sqlite import SqliteConnection
from mission_control.store.store import Store
from support.clock import START, FakeClock
from support.database import ask, everything
from support.disk import Call, Disk, Fault, Kind, Platters
from support.invariants import check_board

DATABASE = "mission.db"
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Desk:
    """Whoever works on the board."""

    store: Store
    board: Board
    squad: Squad


@dataclass(frozen=True)
class Step:
    """One call of the program, which acknowledges it by returning."""

    act: Callable[[Desk], object]
    is_durable: bool = True  # else a power cut may undo it; the death of every process may not


@dataclass(frozen=True)
class Operation:
    """What is done step by step, after what was prepared in peace; without a preparation there is no database yet."""

    prepare: Callable[[Desk], object] | None
    steps: tuple[Step, ...]


def see_board(store: Store) -> object:
    """All that the database holds. Asserts that it is sound."""
    check_board(store)
    assert health.differing_counters(store, 10) == []
    return {**everything(store), "counter": ask(store, "SELECT * FROM counter")}


def see_schema(store: Store) -> object:
    """The schema, how it is kept, and all rows but the settings, of which one is random."""
    schema = ask(store, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
    tables = [row["name"] for row in schema if row["type"] == "table" and row["name"] != "setting"]
    rows = {name: ask(store, f"SELECT * FROM {name}") for name in tables}
    return (schema, rows, ask(store, "PRAGMA journal_mode")) if schema else "nothing"


class Lab:
    """Where one operation is tried again and again. What it finds wrong it returns as lines."""

    def __init__(
        self, folder: Path, operation: Operation, *, see: Callable[[Store], object] = see_board, pragma: str = ""
    ) -> None:
        """`pragma` weakens each connection, for tests that what must be found is found."""
        self._folder = folder
        self._operation = operation
        self._see = see
        self._pragma = pragma
        self._known: dict[bytes, object] = {}  # what was seen in files looked at before
        self._before: Files = {}
        if operation.prepare is not None:
            with self._at_work() as worker:
                migrate(worker.desk.store, now=START)
                operation.prepare(worker.desk)
            self._before = self._files()
        self._states = [self._look(self._before), *self._rehearse()]

    def _rehearse(self) -> Iterator[object]:
        """What is seen after each step when nothing goes wrong."""
        with self._at_work() as worker:
            for step in self._operation.steps:
                step.act(worker.desk)
                yield self._look(self._files())

    # What goes wrong

    def power_cuts(self, seeds: int, *, lies_about_sync: int | None = None) -> list[str]:
        """A power cut, or the death of every process, right before each call and after the last."""
        self._lay_out(self._before)
        disk = Disk(lies_about_sync=lies_about_sync)
        with self._at_work(disk) as worker:
            assert worker.go_on() is None
        platters = Platters(self._before)
        wrong = []
        for position in range(len(disk.calls) + 1):
            acknowledged = sum(calls <= position for calls in worker.calls_of_steps)
            is_over = acknowledged == len(self._operation.steps)
            latest = acknowledged + (not is_over)
            where = f"at call {position} ({disk.calls[position].kind})" if position < len(disk.calls) else "at the end"
            wrong += self._judge(f"killed {where}", platters.kept(), acknowledged, latest)
            for seed in range(seeds + 1):
                chance = random.Random(f"{position} {seed}") if seed else None
                image = platters.after_power_cut(chance)
                wrong += self._judge(f"power cut {seed} {where}", image, self._durable(acknowledged), latest)
            if position < len(disk.calls):
                platters.apply(disk.calls[position])
        return wrong

    def failures(
        self, error: Callable[[], apsw.Error], kinds: frozenset[Kind], *, lasts: bool = False, forgets: bool = False
    ) -> list[str]:
        """That error at each call of these kinds, then whatever the program does next, on a disk that works again."""
        wrong: list[str] = []
        at = 0
        while (found := self._fail(Fault(at, error, kinds, lasts, forgets))) is not None:
            wrong += [f"{error.__name__} at {at}: {line}" for line in found]
            at += 1
        assert at, "nothing was tried"
        return wrong

    def _fail(self, fault: Fault) -> list[str] | None:
        """None when there are fewer calls."""
        self._lay_out(self._before)
        disk = Disk(fault)
        with self._at_work(disk) as worker:
            refused = worker.go_on()
            if not disk.has_failed:
                return None
            done = worker.done
            wrong = self._judge_after(disk.calls, refused, done)
            disk.mend()
            if isinstance(refused, CommitUnknown) and self._see(worker.desk.store) == self._states[done + 1]:
                worker.done += 1  # whoever does not know looks before repeating
            if (again := worker.go_on()) is not None:
                wrong.append(f"not even after that: {again}")
            wrong += self._judge_after(disk.calls, None, len(self._operation.steps))
        return wrong

    def _judge_after(self, calls: list[Call], refused: MissionControlError | None, done: int) -> list[str]:
        platters = Platters(self._before)
        for call in calls:
            platters.apply(call)
        latest = done + isinstance(refused, CommitUnknown)
        wrong = self._judge(f"{refused}", platters.kept(), done, latest)
        for seed in (0, 1):
            image = platters.after_power_cut(random.Random(seed) if seed else None)
            wrong += self._judge(f"{refused}, then a power cut", image, self._durable(done), latest)
        return wrong

    # What may be seen then

    def _durable(self, acknowledged: int) -> int:
        """How many steps no power cut may undo: up to the last durable one, whose commit takes those before along."""
        steps = self._operation.steps[:acknowledged]
        return max((number for number, step in enumerate(steps, 1) if step.is_durable), default=0)

    def _judge(self, when: str, image: Files, earliest: int, latest: int) -> list[str]:
        """Nothing, when the files show the board as it was after some number of steps between these two."""
        try:
            seen = self._look(image)
        except (AssertionError, MissionControlError, apsw.Error) as fault:
            return [f"{when}: {type(fault).__name__}: {fault}"]
        if any(seen == state for state in self._states[earliest : latest + 1]):
            return []
        number = next((number for number, state in enumerate(self._states) if seen == state), None)
        return [f"{when}: {number} steps are there instead of {earliest} to {latest}"]

    def _look(self, image: Files) -> object:
        """What somebody sees who opens these files after a restart."""
        key = _digest(image)
        if key not in self._known:
            folder = self._folder / "restarted"
            _write(folder, image)
            store = Store(SqliteConnection(str(folder / DATABASE), create=True))
            try:
                assert ask(store, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
                self._known[key] = self._see(store)
            finally:
                store.close()
        return self._known[key]

    # Where it is tried

    @contextmanager
    def _at_work(self, disk: Disk | None = None) -> Iterator[_Worker]:
        worker = _Worker(self._folder / "work" / DATABASE, self._operation.steps, disk, self._pragma)
        worker.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield worker
        finally:
            worker.stop()

    def _lay_out(self, files: Files) -> None:
        _write(self._folder / "work", files)

    def _files(self) -> Files:
        paths = (self._folder / "work").iterdir()
        return {path.name: path.read_bytes() for path in paths if not path.name.endswith("-shm")}


class _Worker:
    """A process that does the steps, on the disk it is given."""

    def __init__(self, path: Path, steps: tuple[Step, ...], disk: Disk | None, pragma: str) -> None:
        self.path = path
        self.done = 0
        self.calls_of_steps: list[int] = []  # after how many calls each was acknowledged
        self._steps = steps
        self._disk = disk
        self._pragma = pragma
        self._desk: Desk | None = None

    @property
    def desk(self) -> Desk:
        if self._desk is None:
            store = Store(SqliteConnection(str(self.path), create=True, vfs=self._disk.name if self._disk else None))
            if self._pragma:
                store.script(self._pragma)
            clock, config = FakeClock(), Config(home=self.path.parent, host="here", timezone="UTC")
            board = Board(store, clock, config, refuses=lambda _runner, _command: None, jitter=lambda: 1.0)
            self._desk = Desk(store, board, Squad(store, clock, config, runners=("shell",)))
        return self._desk

    def go_on(self) -> MissionControlError | None:
        """Do what is left to do; the refusal when one is refused."""
        try:
            for step in self._steps[self.done :]:
                step.act(self.desk)
                self.done += 1
                self.calls_of_steps.append(len(self._disk.calls) if self._disk else 0)
        except MissionControlError as refused:
            return refused
        return None

    def stop(self) -> None:
        if self._desk is not None:
            self._desk.store.close()
        if self._disk is not None:
            self._disk.close()


def _digest(files: Files) -> bytes:
    digest = hashlib.blake2b()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)} ".encode())
        digest.update(content)
    return digest.digest()


def _write(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
