"""What people do to a board, at any moment, sensible or not; what is refused must have changed nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from mission_control.domain.draft import NewTask
from mission_control.domain.task import Priority
from mission_control.errors import Conflict, NotFound, Unavailable
from mission_control.squad import NewAgent
from simulation.actors import NEWS, start_run, tell
from simulation.world import Kind, World
from support.database import everything
from support.factories import PERSON

NAMES = ("ada", "bob", "cyd")
MOST_TASKS = 24  # a small board: what may meet, meets
WORDS = {
    "review": ("approve", "approve", "reject", "cancel"),
    "blocked": ("retry", "answer", "cancel"),
    "cancelled": ("retry", "delete"),
}
LOOK_CLOSELY = 0.05  # of the refusals compare everything


class People:
    """Adds, decides, changes minds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        self._board = world.machines[0].board
        self._squad = world.machines[0].squad
        self._deeds: list[Callable[[], object]] = [
            *[self.add] * 8,
            *[self.finish_with] * 4,
            *[self.decide] * 6,
            self.cancel,
            self.edit,
            self.run,
            self.depend,
            *[self.undepend] * 2,
            *[self.delete] * 2,
            self.manage,
        ]

    def assemble(self) -> None:
        """The squad: two agents that may run anywhere, one that may live on the first machine."""
        first = self._world.machines[0].name
        for name in NAMES:
            host = first if name == "cyd" and self._rng.random() < 0.5 else None
            self._squad.add(NewAgent(name, slots=self._rng.randint(1, 3), host=host), actor=PERSON)

    def act(self) -> None:
        """One deed of one person; a refusal is an answer, too."""
        deed = self._rng.choice(self._deeds)
        before = everything(self._world.store) if self._rng.random() < LOOK_CLOSELY else None
        try:
            deed()
        except (Conflict, NotFound) as refused:
            self._world.note(f"refused: {refused}", "refused")
            if before is not None and everything(self._world.store) != before:
                self._world.wrongs.append(("I10", f"a refusal changed something: {refused}"))
        except Unavailable:
            self._world.note("the board was unavailable", "unavailable")

    def add(self) -> None:
        if len(self._ids()) >= MOST_TASKS:
            self.delete()
            return
        rng = self._rng
        new = NewTask(
            title="x",
            agents=rng.sample(NAMES, rng.choice((0, *[1] * 7, 2, 2))),
            priority=rng.choice(tuple(Priority)),
            after=[self._some_task() for _ in range(rng.choice((0, 0, 0, 0, 1, 2)) if self._ids() else 0)],
            max_attempts=rng.randint(1, 3),
            timeout=timedelta(seconds=rng.choice((30, 300, 1800))),
            not_before=self._some_moment(),
            review=rng.random() < 0.35,
            key=rng.choice((*[None] * 8, "monday", "tuesday")),
        )
        task, is_new = self._board.add(new, actor=PERSON)
        if is_new:
            self._world.note(f"added {task.name}", "added")
        else:
            self._world.note(f"{task.name} has that key", "known by key")

    def finish_with(self) -> None:
        """Say what is to become of a task that waits for a person's word."""
        waiting = self._world.connection.read(
            "SELECT id, status FROM task WHERE status IN ('review', 'blocked', 'cancelled')"
        )
        if waiting:
            task = self._rng.choice(waiting)
            self._decide(task["id"], self._rng.choice(WORDS[task["status"]]))

    def decide(self) -> None:
        move = self._rng.choice(("retry", "answer", "approve", "reject", "cancel", "delete"))
        self._decide(self._some_task(), move)

    def _decide(self, task_id: int, move: str) -> None:
        words = ("because",) if move in ("reject", "answer") else ()
        getattr(self._board, move)(task_id, *words, actor=PERSON)
        self._world.note(f"{move} T-{task_id}", move)

    def cancel(self) -> None:
        """Cancel what runs, and let its executor look at the board."""
        live = self._world.connection.read("SELECT task_id FROM attempt WHERE ended_at IS NULL")
        if not live:
            return
        task_id = self._rng.choice(live)["task_id"]
        self._decide(task_id, "cancel")
        for told in self._world.processes(Kind.EXECUTOR):
            if told.work and told.work[0] == task_id:
                tell(told, NEWS)

    def delete(self) -> None:
        finished = self._world.connection.read("SELECT id FROM task WHERE status IN ('done', 'cancelled', 'blocked')")
        if finished:
            self._decide(self._rng.choice(finished)["id"], "delete")

    def edit(self) -> None:
        task_id = self._some_task()
        changes = self._rng.choice(
            (
                {"not_before": self._some_moment()},
                {"priority": self._rng.choice(tuple(Priority)), "max_attempts": self._rng.randint(1, 4)},
                {"agents": self._rng.sample(NAMES, self._rng.choice((1, 1, 2)))},
            )
        )
        self._board.edit(task_id, changes, actor=PERSON)
        self._world.note(f"edited T-{task_id}: {changes}", "edited")

    def depend(self) -> None:
        task_id, on = self._some_task(), self._some_task()
        self._board.depend(task_id, on, actor=PERSON)
        self._world.note(f"T-{task_id} waits for T-{on}", "depend")

    def undepend(self) -> None:
        known = self._world.connection.read("SELECT task_id, after_id FROM dependency ORDER BY task_id, after_id")
        if known:
            row = self._rng.choice(known)
            self._board.undepend(row["task_id"], row["after_id"], actor=PERSON)
            self._world.note(f"T-{row['task_id']} no longer waits for T-{row['after_id']}", "undepend")

    def run(self) -> None:
        """`missionctl run T-3` on some machine; whether that may start is found out by the process itself."""
        name = self._rng.choice(NAMES)
        start_run(self._world, self._rng.choice(self._world.machines), self._some_task(), name)

    def manage(self) -> None:
        name = self._rng.choice(NAMES)
        match self._rng.choice(("slots", "pause", "resume", "resume")):
            case "slots":
                self._squad.edit(name, {"slots": self._rng.randint(1, 3)}, actor=PERSON)
            case "pause":
                self._squad.pause(name, actor=PERSON)
            case "resume":
                self._squad.resume(name, actor=PERSON)
        self._world.note(f"managed {name}", "managed")

    def go_home(self) -> None:
        """Leave the board to itself: whoever is paused goes on."""
        for name in NAMES:
            self._squad.resume(name, actor=PERSON)

    def _ids(self) -> list[int]:
        return [row["id"] for row in self._world.connection.read("SELECT id FROM task ORDER BY id")]

    def _some_task(self) -> int:
        ids = self._ids()
        return self._rng.choice(ids) if ids else 1

    def _some_moment(self) -> datetime | None:
        wait = self._rng.choice((None, None, -60, 0, 5, 120))
        return None if wait is None else self._world.machines[0].clock.now() + timedelta(seconds=wait)
