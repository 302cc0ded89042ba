"""Who acts by itself: heartbeats and executors, each a story of which every step is one side effect.

A heartbeat drives the program's own recovery, claims and attendance. An executor speaks with it as Recorder does, and
lives as Executor does; of those two only the order of steps is told again here, because they wait and fork.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from signal import SIGKILL, SIGTERM
from typing import cast

from mission_control.board import Board, Claim
from mission_control.domain.attempt import Ending, Outcome, ProcessIdentity
from mission_control.errors import Conflict, LeaseLost, NotFound, Unavailable
from mission_control.execution import exit_file
from mission_control.execution.attendance import Attendance, ClaimMore, claim_nothing
from mission_control.execution.execution import RENEWALS_PER_LEASE, Execution, Order
from mission_control.execution.launchers.local import LocalLauncher
from mission_control.execution.recorder import ANSWER_SECONDS, RENEWED
from mission_control.execution.recovery import recover
from mission_control.execution.shift import START_SECONDS
from mission_control.store.attempts import LeaseState
from simulation.world import Kind, Machine, SimulatedProcess, Story, World

POLL_SECONDS = 1.0
TERM = "SIGTERM"
NEWS = "SIGUSR1"


def start_heartbeat(world: World, machine: Machine, names: Sequence[str], *, wait: bool) -> None:
    """A heartbeat process for these agents, as cron starts it; with `wait` it stays, as a dispatcher does."""
    me = machine.spawn(Kind.HEARTBEAT)

    def claim(executors: Sequence[ProcessIdentity]) -> list[Claim]:
        found: list[Claim] = []
        for name in sorted(names):
            found += machine.board.claim(name, claimer=me.identity, executors=executors[len(found) :])
        return found

    me.story = heartbeat(world, me, first=claim, later=claim if wait else claim_nothing, wait=wait)


def start_run(world: World, machine: Machine, task_id: int, name: str) -> None:
    """A process in which a person runs one task out of turn."""
    me = machine.spawn(Kind.HEARTBEAT)

    def claim(executors: Sequence[ProcessIdentity]) -> list[Claim]:
        return [machine.board.claim_task(task_id, name, claimer=me.identity)]

    me.story = heartbeat(world, me, first=claim, later=claim_nothing, wait=True)


def heartbeat(world: World, me: SimulatedProcess, *, first: ClaimMore, later: ClaimMore, wait: bool) -> Story:
    """Recover, claim, launch, attend: as Heart and Shift do it."""
    try:
        _recover(world, me)
        yield 0
        launcher = cast("LocalLauncher", Launcher(world, me))
        attendance = Attendance(me.machine.board, launcher, lease_seconds=me.machine.config.lease_seconds)
        me.on_end.append(attendance.close)
        _turn(world, attendance, first)
        since = world.monotonic()
        yield 0
        while _has_to_stay(world, attendance, since, wait=wait):
            _turn(world, attendance, later)
            yield 0 if world.rng.random() < 0.5 else world.monotonic() + POLL_SECONDS
            if wait and attendance.lost_sight_of:
                _recover(world, me)
                yield 0
                attendance.forget_ended(world.store)
    except Unavailable as fault:
        world.note(f"gives up: {fault}", "gave up")
    except (Conflict, NotFound) as refused:
        world.note(f"refused: {refused}", "run refused")


def _recover(world: World, me: SimulatedProcess) -> None:
    ended = recover(me.machine.board, config=me.machine.config, clock=me.machine.clock)
    if ended:
        world.note(f"recovered {', '.join(f'{a.name} ({a.outcome})' for a in ended)}", "recovered")


def _turn(world: World, attendance: Attendance, claim: ClaimMore) -> None:
    if claims := attendance.turn(0, claim):
        world.note(f"claimed {', '.join(claim.name for claim in claims)}", "claimed")


def _has_to_stay(world: World, attendance: Attendance, since: float, *, wait: bool) -> bool:
    is_starting = attendance.unstarted and world.monotonic() < since + START_SECONDS
    return bool(is_starting or (wait and attendance.live))


class Launcher:
    """Starts simulated executors, in the place of LocalLauncher."""

    def __init__(self, world: World, me: SimulatedProcess) -> None:
        self._world = world
        self._me = me

    def launch(self, execution: Execution) -> socket.socket:
        """Our end of the channel; the executor's closes at once when its fork fails."""
        world = self._world
        world.side_effect()
        if world.rng.random() < 0.02:
            world.note(f"cannot launch {execution.name}: the launcher process is gone", "launcher gone")
            raise Unavailable("simulated: the launcher process is gone")
        ours, theirs = socket.socketpair()
        if world.rng.random() < 0.02:
            world.note(f"could not fork the executor of {execution.name}", "fork failed")
            theirs.close()
            return ours
        born = self._me.machine.spawn(Kind.EXECUTOR, work=(execution.task_id, execution.number), agent=execution.agent)
        born.on_end.append(theirs.close)
        born.story = executor(world, born, execution, theirs)
        born.wakes_at = world.monotonic() + world.rng.choice((0, 0, 0, 0.1, 5, 100))
        return ours

    def close(self) -> None:
        """There is no launcher process to wait for."""


def executor(world: World, me: SimulatedProcess, execution: Execution, channel: socket.socket) -> Story:
    """One attempt, and the next for as long as somebody has one for it."""
    line = Line(world, me, channel)
    try:
        state = yield from line.start(execution)
        while True:
            yield from _attempt(world, me, line, execution, state)
            order = yield from line.order()
            if order is None:
                return
            execution = order.execution
            me.work, me.agent = (execution.task_id, execution.number), execution.agent
            world.note(f"goes on with {execution.name}", "went on")
            if world.monotonic() - order.given_at > me.machine.config.lease_seconds / RENEWALS_PER_LEASE:
                state = yield from line.start(execution)
            else:
                state = LeaseState(cancel_requested=False)
    except LeaseLost:
        world.note("lost its lease", "lease lost")
    except Unavailable:
        world.note("could not say it again")


def _attempt(world: World, me: SimulatedProcess, line: Line, execution: Execution, state: LeaseState) -> Story:
    """The life of one attempt: run, end the tree, write the exit file, record."""
    lease, work = execution.lease, (execution.task_id, execution.number)
    if TERM in me.signals:
        ending = Ending(Outcome.RELEASED, error="its executor was told to stop")
    elif state.cancel_requested:
        ending = Ending(Outcome.CANCELLED, error="cancelled before it started")
    else:
        ending = yield from _work(world, me, line, execution)
    world.happened[work].add(ending.outcome)
    yield 0
    world.write_exit_file(work, execution.token, ending)
    yield 0
    message: dict[str, object] = {"say": "finish", "token": lease.token, "ending": exit_file.to_json(ending)}
    message["is_last"] = TERM in me.signals
    yield from line.say(message, lambda board: board.finish(lease, ending))
    world.note(f"recorded {ending.outcome}", f"recorded {ending.outcome}")
    if world.rng.random() < 0.1:
        yield 0
        me.machine.board.finish(lease, ending)  # its answer was slow; saying it again is harmless


def _work(world: World, me: SimulatedProcess, line: Line, execution: Execution) -> Generator[float, None, Ending]:
    """Run the runner to its end, one way or another; afterwards nothing of it lives."""
    rng = world.rng
    me.holds_lease = True
    yield 0
    main = world.start_runner(
        me,
        seconds=rng.choice((0, 0.1, 1, 1, 10, 70, 10_000)),
        exit_code=rng.choice((0, 0, 0, 1, 3)),
        stray=rng.random() < 0.2,
    )
    world.note("started its runner", "runner started")
    yield 0
    try:
        ending = yield from _watch(world, me, line, execution, main)
    except LeaseLost:
        yield from _end_tree(world, me)
        raise
    yield from _end_tree(world, me)
    me.holds_lease = False
    return ending


def _watch(
    world: World, me: SimulatedProcess, line: Line, execution: Execution, main: SimulatedProcess
) -> Generator[float, None, Ending]:
    deadline = world.monotonic() + execution.timeout_seconds
    renew_at = line.next_renewal()
    while main.alive:
        if world.monotonic() >= deadline:
            return Ending(Outcome.TIMED_OUT, error="time limit reached")
        if TERM in me.signals:
            return Ending(Outcome.RELEASED, error="its executor was told to stop")
        if NEWS in me.signals or world.monotonic() >= renew_at:
            me.signals.discard(NEWS)
            renew_at = line.next_renewal()
            if _is_cancelled(me, execution):
                return Ending(Outcome.CANCELLED, error="cancelled while it was running")
        for renewed in line.renewals():
            renew_at = line.next_renewal()
            if renewed.cancel_requested:
                return Ending(Outcome.CANCELLED, error="cancelled while it was running")
        yield min(deadline, renew_at, main.ends_at)
    if main.exit_code:
        return Ending(Outcome.FAILED, exit_code=main.exit_code, error=f"exit status {main.exit_code}")
    return Ending(Outcome.SUCCEEDED, exit_code=0)


def _is_cancelled(me: SimulatedProcess, execution: Execution) -> bool:
    try:
        return me.machine.board.renew(execution.lease).cancel_requested
    except Unavailable:
        return False


def _end_tree(world: World, me: SimulatedProcess) -> Story:
    """A subreaper's descendants are exactly known."""
    for number in (SIGTERM, SIGKILL):
        for left in [p for p in me.machine.processes.values() if p.kind is Kind.RUNNER and p.work == me.work]:
            world.side_effect()
            world.signal(left, number)
        yield world.monotonic() + me.machine.config.grace_seconds * (number is SIGTERM)


class Line:
    """What an executor says to whoever launched it while that answers, else to the board alone; see Recorder."""

    def __init__(self, world: World, me: SimulatedProcess, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._world = world
        self._me = me
        self._channel: socket.socket | None = channel
        self._heard = b""

    def start(self, execution: Execution) -> Generator[float, None, LeaseState]:
        """The check right before the runner starts. Raises LeaseLost."""
        lease, me = execution.lease, self._me
        message: dict[str, object] = {"say": "start", "token": lease.token, "pid": me.pid}
        return (yield from self.say(message, lambda board: board.start(lease, me.identity)))

    def say(self, message: dict[str, object], alone: Callable[[Board], object]) -> Generator[float, None, LeaseState]:
        """The answer, whoever gives it. Raises LeaseLost."""
        answer = yield from self._ask(message)
        if answer is not None:
            return answer
        while True:
            try:
                state = alone(self._me.machine.board)
            except Unavailable:
                self._world.note("found the board unavailable; will try again")
                yield self._world.monotonic() + 0.05
            else:
                return state if isinstance(state, LeaseState) else LeaseState(cancel_requested=False)

    def next_renewal(self) -> float:
        """When the executor renews its lease itself; see Executor."""
        parts = 1 if self._channel is None else 2
        return self._world.monotonic() + parts * self._me.machine.config.lease_seconds / RENEWALS_PER_LEASE

    def renewals(self) -> Iterator[LeaseState]:
        """What was said meanwhile of renewals that others made. Raises LeaseLost."""
        self._listen()
        while (line := self._next_line()) is not None:
            self._world.counts["renewed for it"] += 1
            yield _understood(line)

    def order(self) -> Generator[float, None, Order | None]:
        """The next attempt; None when nobody has one or the executor was told to stop."""
        while True:
            if TERM in self._me.signals and self._channel is not None:
                self._channel.shutdown(socket.SHUT_RD)
                self._listen()
            if (line := self._next_line()) is not None:
                return Order.from_bytes(line)
            if self._channel is None:
                return None
            self._listen()
            yield self._world.monotonic() + 0.1

    def _ask(self, message: dict[str, object]) -> Generator[float, None, LeaseState | None]:
        """Null when nobody answers in time."""
        if self._channel is None:
            return None
        try:
            self._channel.send(json.dumps(message).encode() + b"\n")
        except OSError:
            self._hang_up()
            return None
        until = self._world.monotonic() + ANSWER_SECONDS
        while True:
            yield 0
            if self._world.monotonic() >= until:  # also when an answer lies there by now
                self._hang_up()
                return None
            self._listen()
            while (line := self._next_line()) is not None:
                if not line.startswith(RENEWED):
                    self._world.counts["answered"] += 1
                    return _understood(line)
            if self._channel is None:
                return None

    def _listen(self) -> None:
        """Take in what was said, or that nobody is there any more."""
        try:
            while self._channel is not None:
                piece = self._channel.recv(4096)
                self._heard += piece
                if not piece:
                    self._hang_up()
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up()

    def _next_line(self) -> bytes | None:
        line, found, rest = self._heard.partition(b"\n")
        if not found:
            return None
        self._heard = rest
        return line

    def _hang_up(self) -> None:
        if self._channel is not None:
            self._world.note("goes on alone", "alone")
            self._channel.close()
            self._channel = None


def _understood(line: bytes) -> LeaseState:
    answer = json.loads(line)
    if answer["lost"]:
        raise LeaseLost(answer["lost"])
    return LeaseState(cancel_requested=answer["cancel_requested"])


def tell(told: SimulatedProcess, what: str) -> None:
    """Send an executor SIGTERM (give back unharmed) or SIGUSR1 (look at the board)."""
    told.signals.add(what)
    told.wakes_at = 0.0
