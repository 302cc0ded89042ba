"""What must hold after every step: the rows compared with themselves, with history, and with what truly happened.

Only what a step touched is looked at, so that a step costs little; `check_everything` looks at all.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from mission_control.domain.attempt import COUNTED, Outcome
from mission_control.domain.readiness import AgentLoad, Hold, HoldKind, MachineLoad, Predecessor, explain
from mission_control.domain.retry import RetryPolicy
from mission_control.domain.task import TRANSITIONS, Status
from mission_control.execution import exit_file
from mission_control.store import agents, attempts, tasks
from mission_control.store.store import Row, instant
from simulation.world import Kind, Work, World
from support.invariants import check_board

LEGAL = {(str(source), str(target)) for source, moves in TRANSITIONS.items() for target in moves.values()}
FORGIVING = {"retry", "reject", "answer"}  # after them tries count from zero
OUTCOMES = {str(outcome) for outcome in Outcome}
LONGEST_BACKOFF = RetryPolicy().ceiling


class Violation(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant


def demand(condition: object, invariant: str, what: str) -> None:
    """Raises Violation unless the condition holds."""
    if not condition:
        raise Violation(invariant, what)


class Invariants:
    """Watches one world. What it knows comes from history and from the world, never from the board's own sums."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._db = world.connection
        self._last_line = 0
        self._tasks: dict[int, Row] = {}  # as they stood after the step before
        self._stands: dict[int, str] = {}  # where history says they stand
        self._failures: Counter[int] = Counter()  # counted ends since a person last forgave
        self._cancels_asked: set[int] = set()
        self._ends: set[Work] = set()  # attempts whose end history has told
        self._live: dict[Work, Row] = {}
        self._ended: dict[Work, Row] = {}

    def check(self) -> None:
        """Raises Violation when the last step broke something."""
        for invariant, what in self._world.wrongs:
            raise Violation(invariant, what)
        loads = self._loads()
        claimed = self._read_history()
        touched = self._read_attempts() | self._db.touched_tasks
        self._db.touched_tasks.clear()
        for task_id in sorted(touched):
            self._check_task(task_id)
        if claimed:
            self._check_slots(loads)
        self._check_processes()

    # History

    def _read_history(self) -> bool:
        """Whether something was claimed."""
        claimed = False
        for line in self._db.read("SELECT * FROM activity WHERE id > :last ORDER BY id", last=self._last_line):
            self._last_line = line["id"]
            if line["task_id"] is not None:
                self._follow(line)
            claimed = claimed or line["kind"] == "claim"
        return claimed

    def _follow(self, line: Row) -> None:
        task_id, kind = line["task_id"], line["kind"]
        if kind == "deleted":
            del self._stands[task_id]
        if kind == "cancel_requested":
            self._cancels_asked.add(task_id)
        if line["to_status"] is None:
            return
        came_from, goes_to = line["from_status"], line["to_status"]
        demand(came_from == self._stands.get(task_id), "I3", f"T-{task_id} left {came_from}, where it did not stand")
        demand(came_from is None or (came_from, goes_to) in LEGAL, "I3", f"T-{task_id}: {came_from} → {goes_to}")
        self._stands[task_id] = goes_to
        if kind == "claim":
            self._check_readiness(line)
        elif kind in OUTCOMES:
            self._count_end(line)
        elif kind in FORGIVING:
            self._failures[task_id] = 0
            self._cancels_asked.discard(task_id)

    def _check_readiness(self, line: Row) -> None:
        """I8, by what stood before the claim, and by the instant of the claim itself."""
        task_id, at = line["task_id"], instant(line["at"])
        assert at is not None
        for row in self._db.read("SELECT after_id FROM dependency WHERE task_id = :id", id=task_id):
            stands = self._stands[row["after_id"]]
            demand(stands == "done", "I8", f"T-{task_id} was claimed while T-{row['after_id']} was {stands}")
        before = self._tasks[task_id]
        for name, furthest in (("not_before", None), ("retry_at", at + LONGEST_BACKOFF)):
            until = instant(before[name])
            is_void = furthest is not None and until is not None and until > furthest  # the clock was set back
            demand(until is None or until <= at or is_void, "I8", f"T-{task_id} was claimed before its {name} {until}")

    def _count_end(self, line: Row) -> None:
        work = (line["task_id"], line["attempt"])
        demand(work not in self._ends, "I4", f"history tells the end of T-{work[0]}/{work[1]} twice")
        self._ends.add(work)
        if line["kind"] in {str(outcome) for outcome in COUNTED}:
            self._failures[work[0]] += 1

    # Rows

    def _read_attempts(self) -> set[int]:
        """The tasks whose attempts were touched."""
        rows = [
            row
            for rowid in sorted(self._db.touched_attempts)
            for row in self._db.read("SELECT * FROM attempt WHERE rowid = :rowid", rowid=rowid)
        ]
        self._db.touched_attempts.clear()
        for row in rows:
            work = (row["task_id"], row["number"])
            if row["outcome"] is None:
                demand(work not in self._ended, "I4", f"T-{work[0]}/{work[1]} had ended and lives again")
                self._live[work] = row
            else:
                self._live.pop(work, None)
                self._check_end(work, row)
        return {row["task_id"] for row in rows}

    def _check_end(self, work: Work, row: Row) -> None:
        known = self._ended.setdefault(work, row)
        same = all(known[name] == row[name] for name in ("outcome", "ended_at", "exit_code"))
        name = f"T-{work[0]}/{work[1]}"
        demand(same, "I4", f"{name} ended {known['outcome']}, later {row['outcome']} at {row['ended_at']}")
        if known is row:
            self._check_truth(work, row, name)

    def _check_truth(self, work: Work, row: Row, name: str) -> None:
        """What is recorded is what happened."""
        outcome = Outcome(row["outcome"])
        match outcome:
            case Outcome.LOST:
                self._check_lost(work, row, name)
            case Outcome.CANCELLED:
                demand(work[0] in self._cancels_asked, "I4", f"{name} is cancelled and nobody asked for it")
            case Outcome.RELEASED if not self._world.ran[work]:
                pass  # given back by whoever could not launch it, or whose executor took no more
            case _:
                happened = self._world.happened[work]
                demand(outcome in happened, "I2", f"{name} is {outcome}; in truth it is {happened or 'not ended'}")
        if outcome is Outcome.SUCCEEDED:
            demand(self._world.ran[work] == 1, "I2", f"{name} succeeded and ran {self._world.ran[work]} times")

    def _check_lost(self, work: Work, row: Row, name: str) -> None:
        """Whoever says so on the machine itself could see the process table and the exit file there."""
        here = self._world.here
        if here.name != row["host"]:
            return
        if row["pid"] is not None:
            executor = here.processes.get(row["pid"])
            lives = executor is not None and executor.identity.started == row["pid_started"]
            demand(not lives or row["pid_boot"] != here.boot, "I2", f"{name} is lost while its executor lives")
        left = exit_file.read(here.folder.attempt(*work), row["token"])
        demand(left is None, "I2", f"{name} is lost while its exit file says {left and left.outcome}")

    def _check_task(self, task_id: int) -> None:
        rows = self._db.read("SELECT * FROM task WHERE id = :id", id=task_id)
        tries = self._db.read(
            "SELECT number, token, ended_at FROM attempt WHERE task_id = :id ORDER BY number", id=task_id
        )
        if not rows:
            demand(task_id not in self._stands, "I3", f"T-{task_id} is gone and nobody deleted it")
            self._tasks.pop(task_id, None)
            return
        task = rows[0]
        stands = self._stands.get(task_id)
        demand(task["status"] == stands, "I3", f"T-{task_id} is {task['status']}, history says {stands}")
        self._check_tries(task, tries)
        self._check_failures(task)
        unmet = self._db.read(
            "SELECT count(*) AS n FROM dependency d JOIN task t ON t.id = d.after_id"
            " WHERE d.task_id = :id AND t.status <> 'done'",
            id=task_id,
        )[0]["n"]
        demand(task["unmet"] == unmet, "I8", f"T-{task_id} counts {task['unmet']} unfinished predecessors of {unmet}")
        self._tasks[task_id] = task

    def _check_tries(self, task: Row, tries: list[Row]) -> None:
        name = f"T-{task['id']}"
        live = [row["number"] for row in tries if row["ended_at"] is None]
        demand(len(live) <= 1, "I1", f"{name} has the live attempts {live}")
        demand(
            len(live) == (task["status"] == "in_progress"),
            "I3",
            f"{name} is {task['status']} with live attempts {live}",
        )
        tokens = [row["token"] for row in tries]
        demand(tokens == sorted(set(tokens)), "I2", f"the tokens of {name} do not grow: {tokens}")
        demand(not tokens or tokens[-1] == task["token"], "I2", f"{name} has token {task['token']}, given: {tokens}")

    def _check_failures(self, task: Row) -> None:
        name, failures, counted = f"T-{task['id']}", task["failures"], self._failures[task["id"]]
        demand(failures == counted, "I6", f"{name} counts {failures} failures, history {counted}")
        is_open = task["status"] in ("inbox", "in_progress")
        demand(
            failures + is_open <= task["max_attempts"], "I6", f"{name} is {task['status']} after {failures} failures"
        )
        before = self._tasks.get(task["id"])
        if before and failures > before["failures"] and task["status"] == "inbox":
            self._check_backoff(name, task)

    def _check_backoff(self, name: str, task: Row) -> None:
        retry_at, now = instant(task["retry_at"]), instant(task["updated_at"])
        assert now is not None
        longest = RetryPolicy().backoff(task["failures"])
        demand(
            retry_at is not None and timedelta(0) <= retry_at - now <= longest,
            "I8",
            f"{name} failed {task['failures']} times and waits until {retry_at} (now {now})",
        )

    # Slots and processes

    def _loads(self) -> Counter[str]:
        """Live attempts per agent and per machine before this step."""
        return Counter(row[name] for row in self._live.values() for name in ("agent", "host"))

    def _check_slots(self, before: Counter[str]) -> None:
        limits = {row["name"]: row["slots"] for row in self._db.read("SELECT name, slots FROM agent")}
        for machine in self._world.machines:
            if machine.config.machine_slots is not None:
                limits[machine.name] = machine.config.machine_slots
        for name, live in self._loads().items():
            allowed = max(limits.get(name, live), before[name])  # slots that were taken away end nothing
            demand(live <= allowed, "I7", f"{name} has {live} live attempts; {limits.get(name)} slots")

    def _check_processes(self) -> None:
        """What runs is what may run: one live attempt of each task, by the executor that is registered."""
        works: dict[int, int] = {}
        for runner in self._world.processes(Kind.RUNNER):
            assert runner.work is not None
            task_id, number = runner.work
            other = works.setdefault(task_id, number)
            demand(other == number, "I1", f"attempts {other} and {number} of T-{task_id} are alive at once")
            demand(runner.work in self._live, "I5", f"{runner} is alive and its attempt has ended")
            row = self._live[runner.work]
            demand(row["pid"] is not None, "I2", f"{runner} is alive and its start was never recorded")
            parent = runner.machine.processes.get(runner.parent)  # its executor, if that lives
            known = (row["pid"], row["pid_started"])
            demand(
                parent is None or known == (parent.pid, parent.identity.started),
                "I2",
                f"{runner} belongs to {parent}, and pid {known[0]} started at {known[1]} is registered",
            )
            demand(self._world.ran[runner.work] == 1, "I1", f"{runner} was started twice")

    # Now and then, and at the end

    def after_power_cut(self) -> None:
        """I9: what was accepted is still there. Only the start and renewal of an attempt may be forgotten."""
        last = self._db.read("SELECT coalesce(max(id), 0) AS id FROM activity")[0]["id"]
        demand(last == self._last_line, "I9", f"history ended at line {self._last_line}, after the power cut at {last}")
        for row in self._db.read("SELECT rowid AS row_number FROM attempt"):
            self._db.touched_attempts.add(row["row_number"])
        self._db.touched_tasks |= set(self._stands)

    def check_everything(self) -> None:
        """All rows anew."""
        known = {row["id"]: row["status"] for row in self._db.read("SELECT id, status FROM task")}
        demand(known == self._stands, "I3", f"tasks stand at {known}, history says {self._stands}")
        try:
            check_board(self._world.store)
        except AssertionError as fault:
            raise Violation("board", str(fault)) from fault

    def is_at_rest(self) -> bool:
        """Whether nothing would change any more if only time passed for some days."""
        if self._live or any(True for _ in self._world.processes(Kind.RUNNER, Kind.EXECUTOR)):
            return False
        waiting = [self._reasons(task_id) for task_id, status in self._stands.items() if status == "inbox"]
        return all(any(_lasts(hold) for hold in holds) for holds in waiting)

    def check_rest(self) -> None:
        """Liveness: when faults have stopped and time has passed, everything has ended or waits for a named reason."""
        for left in self._world.processes(Kind.RUNNER, Kind.EXECUTOR):
            raise Violation("liveness", f"{left} is still alive")
        for task_id, status in self._stands.items():
            demand(status != "in_progress", "liveness", f"T-{task_id} is still in progress")
            if status == "inbox":
                demand(self._reasons(task_id), "liveness", f"T-{task_id} could start, and nobody starts it")

    def _reasons(self, task_id: int) -> list[Hold]:
        store, machine = self._world.store, self._world.machines[0]
        task = tasks.get(store, task_id)
        assert task is not None
        live = attempts.live(store)
        loads = []
        for name in task.agents:
            agent = agents.get(store, name)
            assert agent is not None
            of_agent = sum(attempt.agent == name for attempt in live)
            loads.append(AgentLoad(name, agent.slots, of_agent, paused=agent.paused, host=agent.host))
        before = [Predecessor(other, Status(self._stands[other])) for other in task.after]
        return explain(
            task,
            unfinished=[p for p in before if p.status is not Status.DONE],
            agents=loads,
            machine=MachineLoad(machine.name, machine.config.machine_slots, len(live)),
            now=machine.clock.now(),
            longest_wait=machine.config.backoff_cap,
        )


def _lasts(hold: Hold) -> bool:
    """Whether more than a little time is needed to end it. What waits for a predecessor waits as long as that does."""
    return hold.kind in {HoldKind.NOBODY, HoldKind.OTHER_MACHINE, HoldKind.PREDECESSOR, HoldKind.NOT_BEFORE}
