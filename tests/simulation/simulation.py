"""One simulated mission, driven by a seed: who acts next, what breaks, and whether everything still holds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from mission_control.errors import MissionControlError
from simulation.actors import TERM, start_heartbeat, tell
from simulation.database import Fault, Fuse, Killed
from simulation.invariants import Invariants, Violation
from simulation.people import NAMES, People
from simulation.world import Kind, SimulatedProcess, Story, World, inhabited

CHECK_ALL_EVERY = 500  # steps
MOST_HEARTBEATS = 4
MOST_BYSTANDERS = 8
MOST_AT_ONCE = 2  # how deep stories of those who wait may lie inside one another
FUSE_LIT = 0.08  # chance that a step is hit by a fault, if it lasts long enough
FUSE_LENGTH = 4  # writes and other side effects before that, on average
REST_ROUNDS = 1_200
REST_SECONDS = 60.0
TURN_SECONDS = 0.02  # what a turn of all takes while the world comes to rest
MOST_TURNS = 10_000
SHOWN_LINES = 40


class BrokenPromiseError(AssertionError):
    """A seed has found a violation; the message says all that is needed to see it again."""

    def __init__(self, seed: int, steps: int, at: int, cause: Violation, said: list[str]) -> None:
        story = "\n".join(f"    {line}" for line in said[-SHOWN_LINES:])
        super().__init__(
            f"seed {seed} broke {cause} at step {at}\n  What happened last:\n{story}\n"
            f"  Repeat it: MISSION_SIMULATION_SEED={seed} MISSION_SIMULATION_STEPS={steps} "
            "bin/test tests/simulation -n 0 -k one_seed\n"
            f"  Keep it in tests/simulation/regressions.txt: {seed} {steps}  # {cause}"
        )
        self.invariant = cause.invariant


@dataclass(frozen=True)
class Nature:
    """What may go wrong in a world."""

    machine_names: tuple[str, ...]
    machine_slots: int | None
    clock_jumps: bool
    lone_kills: bool  # an executor may die and leave its runner behind
    stops: bool  # a process may stand still for longer than a lease


def nature_of(seed: int) -> Nature:
    """Three worlds of four have one machine and everything that may happen to it.

    Leases of other machines end by the clock alone, so where there are two, nothing may outlive its lease unseen:
    clocks agree, a machine dies as a whole.
    """
    slots = random.Random(seed).choice((None, None, 2))
    if seed % 4 == 3:
        return Nature(("here", "there"), slots, clock_jumps=False, lone_kills=False, stops=False)
    return Nature(("here",), slots, clock_jumps=True, lone_kills=True, stops=True)


class Simulation:
    """A world and its scheduler."""

    def __init__(
        self, seed: int, *, nature: Nature | None = None, prepare: Callable[[World], None] = lambda _: None
    ) -> None:
        """`prepare` may spoil the world before it begins."""
        self.seed = seed
        self.steps = 0
        self._nature = nature or nature_of(seed)
        self._rng = random.Random(seed)
        hosts, slots = self._nature.machine_names, self._nature.machine_slots
        self.world = World(self._rng, hosts=hosts, machine_slots=slots)
        self.world.meanwhile = self._meanwhile
        prepare(self.world)
        self._people = People(self.world)
        self._invariants = Invariants(self.world)
        self._depth = 0
        self._faults = self._possible_faults()

    def run(self, steps: int) -> Counter[str]:
        """Take so many steps, then let faults stop and everything come to rest. Raises BrokenPromiseError."""
        with inhabited(self.world):
            try:
                self._people.assemble()
                self._invariants.check()
                while self.steps < steps:
                    self._step()
                self._come_to_rest()
            except Violation as cause:
                raise BrokenPromiseError(self.seed, steps, self.steps, cause, list(self.world.said)) from cause
            finally:
                self._close()
        return self.world.counts

    def _step(self) -> None:
        self.steps += 1
        chance = self._rng.random()
        if chance < 0.70:
            self._let_one_act()
        elif chance < 0.78:
            self._let_time_pass(self._rng.choice((0.01, 0.5, 5, 30, 90, 600)))
        elif chance < 0.90:
            self._with_fuse(FUSE_LIT / 4, (Fault.BUSY, Fault.FULL), self._people.act)
        elif chance < 0.97:
            self._start_heartbeat()
        else:
            self._rng.choice(self._faults)()
        self._invariants.check()
        if self.steps % CHECK_ALL_EVERY == 0:
            self._invariants.check_everything()

    # Who acts

    def _let_one_act(self) -> None:
        able = self._able()
        if able:
            self._act(self._rng.choice(able))
        else:
            self.world.counts["idle"] += 1
            self._let_time_pass(0.5)

    def _able(self) -> list[SimulatedProcess]:
        now = self.world.monotonic()
        return [
            actor
            for actor in self.world.processes(Kind.HEARTBEAT, Kind.EXECUTOR)
            if actor.story is not None and actor.wakes_at <= now and actor.stopped_until <= now
        ]

    def _act(self, actor: SimulatedProcess, *, safely: bool = False) -> None:
        """One step of an actor's story, in which the fuse may kill it or break the database for it."""
        story, actor.story = actor.story, None  # while it is in the middle of a step it takes no other
        assert story is not None
        self.world.running, self.world.here = actor, actor.machine
        chance = 0 if safely or not self._may_die(actor) else FUSE_LIT
        try:
            self._with_fuse(chance, (Fault.KILL, *Fault), lambda: self._tell_on(actor, story))
        finally:
            self.world.running = None

    def _tell_on(self, actor: SimulatedProcess, story: Story) -> None:
        try:
            actor.wakes_at = next(story)
            actor.story = story
        except StopIteration:
            if actor.alive:
                actor.machine.end(actor)
        except Killed:
            self.world.note("was killed between two side effects", "killed")
            if actor.alive:
                actor.machine.end(actor)
        except MissionControlError as fault:
            raise Violation("error", f"{actor} does not expect {type(fault).__name__}: {fault}") from fault

    def _may_die(self, actor: SimulatedProcess) -> bool:
        return self._nature.lone_kills or actor.kind is Kind.HEARTBEAT

    def _with_fuse(self, chance: float, faults: tuple[Fault, ...], act: Callable[[], None]) -> None:
        fuse = self.world.fuse
        if self._rng.random() < chance:
            fuse.left, fuse.fault = 1 + int(self._rng.expovariate(1 / FUSE_LENGTH)), self._rng.choice(faults)
        try:
            act()
        finally:
            fuse.left = None

    def _meanwhile(self, seconds: float) -> None:
        """Whoever acts waits in the middle of a step; some others act."""
        world = self.world
        assert not world.connection.in_transaction
        self.world.elapse(seconds)
        if self._depth >= MOST_AT_ONCE:
            return
        kept = world.running, world.here, Fuse(world.fuse.left, world.fuse.fault)
        self._depth += 1
        world.fuse.left = None
        try:
            for _ in range(self._rng.choice((0, 0, 1, 3))):
                self._step()
        finally:
            self._depth -= 1
            world.running, world.here = kept[0], kept[1]
            world.fuse.left, world.fuse.fault = kept[2].left, kept[2].fault

    def _start_heartbeat(self) -> None:
        if sum(1 for _ in self.world.processes(Kind.HEARTBEAT)) < MOST_HEARTBEATS:
            names = self._rng.sample(NAMES, self._rng.randint(1, 3))
            start_heartbeat(self.world, self._rng.choice(self.world.machines), names, wait=self._rng.random() < 0.5)

    def _let_time_pass(self, seconds: float) -> None:
        """Where leases end by the clock alone, whoever holds one acts before time goes on without it."""
        now = self.world.monotonic()
        if not self._nature.stops:
            for holder in [e for e in self.world.processes(Kind.EXECUTOR) if e.holds_lease and e.story]:
                if holder.wakes_at <= now:
                    self._act(holder)
                    return
                seconds = min(seconds, holder.wakes_at - now)
        self.world.elapse(seconds)

    # What goes wrong

    def _possible_faults(self) -> list[Callable[[], None]]:
        nature = self._nature
        return [
            self._kill_one,
            self._kill_one,
            self._shut_one_down,
            self._restart,
            self._start_or_end_bystander,
            *([self._stop_one] * 3 if nature.stops else []),
            *([self._jump] if nature.clock_jumps else []),
        ]

    def _some_actor(self, *kinds: Kind) -> SimulatedProcess | None:
        found = [actor for actor in self.world.processes(*kinds) if actor.story is not None]
        return self._rng.choice(found) if found else None

    def _kill_one(self) -> None:
        kinds = (Kind.HEARTBEAT, Kind.EXECUTOR) if self._nature.lone_kills else (Kind.HEARTBEAT,)
        if victim := self._some_actor(*kinds):
            self.world.note(f"kill -9 of {victim}", f"{victim.kind} killed")
            victim.machine.end(victim)
            if self._rng.random() < 0.2:
                victim.machine.spawn(Kind.BYSTANDER, pid=victim.pid)

    def _stop_one(self) -> None:
        if stopped := self._some_actor(Kind.HEARTBEAT, Kind.EXECUTOR):
            stopped.stopped_until = self.world.monotonic() + self._rng.choice((2, 15, 80, 300))
            self.world.note(f"{stopped} is stopped for a while", "stopped")

    def _shut_one_down(self) -> None:
        if told := self._some_actor(Kind.EXECUTOR):
            self.world.note(f"{told} is told to stop", "told to stop")
            tell(told, TERM)

    def _restart(self) -> None:
        """With one machine the database loses its power, too."""
        machine = self._rng.choice(self.world.machines)
        power_cut = len(self.world.machines) == 1 and self._rng.random() < 0.7
        self.world.note(f"{machine.name} restarts{', its power was cut' if power_cut else ''}", "restarted")
        machine.restart(power_cut=power_cut)
        if power_cut:
            self.world.connection.cut_power()
            self._invariants.after_power_cut()

    def _jump(self) -> None:
        machine = self._rng.choice(self.world.machines)
        by = timedelta(seconds=self._rng.choice((-400 * 86400, -7200, -61, -1, 1, 61, 7200, 86400)))
        self.world.note(f"the clock of {machine.name} is set by {by}", "clock set")
        machine.clock.set_wall(machine.clock.now() + by)

    def _start_or_end_bystander(self) -> None:
        bystanders = list(self.world.processes(Kind.BYSTANDER))
        if len(bystanders) < MOST_BYSTANDERS:
            self._rng.choice(self.world.machines).spawn(Kind.BYSTANDER)
        else:
            ended = self._rng.choice(bystanders)
            ended.machine.end(ended)

    # The end

    def _come_to_rest(self) -> None:
        """Faults stop, people go home, heartbeats go on."""
        self._people.go_home()
        for stopped in self.world.processes(Kind.HEARTBEAT, Kind.EXECUTOR):
            stopped.stopped_until = 0.0
        for _ in range(REST_ROUNDS):
            for machine in self.world.machines:
                start_heartbeat(self.world, machine, NAMES, wait=False)
            self._let_all_act()
            if self._invariants.is_at_rest():
                break
            self._let_time_pass(REST_SECONDS)
        self._invariants.check_everything()
        self._invariants.check_rest()

    def _let_all_act(self) -> None:
        turns = 0
        while able := self._able():
            turns += 1
            if turns > MOST_TURNS:
                raise Violation("liveness", f"{able[0]} goes on for ever")
            for actor in able:
                if actor.alive and actor.story:
                    self._act(actor, safely=True)
                    self._invariants.check()
            self.world.elapse(TURN_SECONDS)

    def _close(self) -> None:
        for actor in list(self.world.processes(Kind.HEARTBEAT, Kind.EXECUTOR)):
            actor.machine.end(actor)
        self.world.connection.close()
