"""The executor: the isolated process of one attempt. It outlives whoever started it.

Told in order: take the lease, start the runner, watch it, end its whole tree, write the exit file, record. One whose
tree has ended and whose record is written may be given the next attempt, see docs/decisions/0008.
Signals: SIGTERM gives the task back unharmed, SIGUSR1 means "look at the board now", SIGCHLD a child has ended.
"""

from __future__ import annotations

import math
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome
from mission_control.errors import LeaseLost
from mission_control.execution import doorbell, exit_file, report
from mission_control.execution.confinement.confinement import Confinement, is_confined
from mission_control.execution.confinement.spawning import NotConfined, spawn
from mission_control.execution.environment import SETTINGS, environment_of
from mission_control.execution.execution import RENEWALS_PER_LEASE, Execution, Order
from mission_control.execution.output import Output
from mission_control.execution.recorder import GOING_ON, Recorder
from mission_control.execution.runners import find, refuses
from mission_control.execution.tree import Tree, become_subreaper
from mission_control.folder import Folder, make_private_directory
from mission_control.settings_checks import Isolation
from mission_control.store.attempts import LeaseState

OUTPUT_LOOK_SECONDS = 1.0  # how often the size of the log is looked at
OUTPUT_FAST_LOOK_SECONDS = 0.1  # while it grows fast
OUTPUT_FAST_BYTES = 1_000_000
TOLD_TO_STOP = "its executor was told to stop"
SHUTDOWN_SECONDS = 0.5  # a shutdown signals us and the runner at nearly the same time, in any order


class _Stop(Exception):
    def __init__(self, outcome: Outcome, error: str) -> None:
        self.outcome = outcome
        self.error = error


class Executor:
    """One attempt's executor, and then that of the next, never of two at once.

    Made by the launcher process, before the fork: pages that are written here, where they can be shared, need not be
    copied by each executor.
    """

    def __init__(
        self,
        execution: Execution,
        *,
        config: Config,
        clock: Clock,
        inherited: Mapping[str, str],
        by_runner: Mapping[str, Mapping[str, str]],
    ) -> None:
        """`inherited` is what attempts get of our environment, `by_runner` what those of a runner get besides."""
        self._config = config
        self._clock = clock
        self._inherited = inherited
        self._by_runner = by_runner
        self._folder = Folder(config.home)
        self._is_news = False  # somebody told us to look at the board
        self._is_stopping = False  # somebody told us to stop: the attempt is given back and no more are taken
        self._prepare(execution)

    def _prepare(self, execution: Execution) -> None:
        """Get to know the attempt that comes next."""
        self._execution = execution
        self._runner = runner = find(execution.runner, self._config.runners)
        self._refusal = self._why_not()
        self._argv = [] if runner is None or self._refusal else runner.command_line(execution)
        inherited = {**self._inherited, **self._by_runner.get(execution.runner, {})}
        self._environment = environment_of(execution, str(self._config.home), inherited)
        if self._thinks:
            self._environment[SETTINGS] = self._config.to_bytes().decode()
        self._attempt_folder = str(self._folder.attempt(execution.task_id, execution.number))
        self._workspace = os.path.join(self._attempt_folder, "workspace")
        self._output_path = str(self._folder.output(execution.task_id, execution.number))
        self._log_path = str(self._folder.executor_log(execution.agent))
        self._confinement = self._confine() if is_confined(self._config) else None

    @property
    def _thinks(self) -> bool:
        return self._runner is not None and self._runner.thinks

    def _why_not(self) -> str | None:
        """Why this attempt cannot be: its runner, or what it asks for."""
        if self._thinks and self._config.isolation is not Isolation.PROCESS:
            return f"agents cannot be driven under isolation {self._config.isolation} yet: set isolation to process"
        return refuses(self._execution.runner, self._execution.command, self._config.runners)

    def _confine(self) -> Confinement:
        folder, workspace = self._attempt_folder, self._workspace
        return Confinement(self._config, attempt_folder=folder, workspace=workspace, output_path=self._output_path)

    def live(self, recorder: Recorder) -> NoReturn:
        """Live a whole life, in a process of its own, and end that process."""
        status = 70
        try:
            self._recorder = recorder
            self._wakeup = listen_to_signals()
            self._tree = Tree(self._wakeup)
            self._serve()
            status = 0
        except LeaseLost:
            self.say("lease_lost")
            status = 0
        except BaseException as fault:  # noqa: BLE001  the last frame of a process that nobody sees
            self.say("attempt_not_recorded", error=f"{type(fault).__name__}: {fault}")
        finally:
            # Nothing of the process we were forked from may run: no atexit, no flushed buffers of its own.
            os._exit(status)

    def _serve(self) -> None:
        """One attempt, and the next for as long as somebody has one for us."""
        os.setsid()
        become_subreaper()
        self._run(self._recorder.start(self._execution.lease))
        while (order := self._next_order()) is not None:
            self._prepare(order.execution)
            is_late = time.monotonic() - order.given_at > self._config.lease_seconds / RENEWALS_PER_LEASE
            self._run(self._recorder.start(order.execution.lease) if is_late else GOING_ON)

    def _run(self, state: LeaseState) -> None:
        """The whole attempt, from its start to its record."""
        if self._is_stopping:
            ending = Ending(Outcome.RELEASED, error=TOLD_TO_STOP)
        elif state.cancel_requested:
            ending = Ending(Outcome.CANCELLED, error="cancelled before it started")
        else:
            self.say("attempt_started", pid=os.getpid())
            ending = self._work()
        self._record(ending)
        self.say(
            f"attempt_{ending.outcome}",
            exit_code=ending.exit_code,
            error=ending.error,
            seconds=ending.duration_seconds,
        )

    def _record(self, ending: Ending) -> None:
        """In the exit file, then on the board. Where the board does not take it, the file must outlive a power cut."""
        lease, folder = self._execution.lease, self._attempt_folder
        self._keep(lambda: exit_file.write(folder, lease.token, ending))
        if not self._recorder.report(lease, ending, is_last=self._is_stopping):
            self._recorder.record(
                lease, ending, when_refused=lambda: self._keep(lambda: exit_file.make_durable(folder))
            )
            doorbell.ring(self._folder.doorbells)  # whoever waits for the slot was not told by us

    def _keep(self, act: Callable[[], None]) -> None:
        """Without room for the exit file the board is told all the same, for as long as that takes."""
        try:
            try:
                act()
            except FileNotFoundError:  # it was never made, or somebody has removed it
                make_private_directory(self._attempt_folder)
                act()
        except OSError as fault:
            self.say("attempt_not_recorded", error=f"exit file: {fault}")

    def _next_order(self) -> Order | None:
        """Wait for the next attempt; None when nobody has one for us or when we were told to stop."""
        while True:
            if self._is_stopping:
                self._recorder.take_no_more_orders()
            if (order := self._recorder.order()) is not None:
                return order
            channel = self._recorder.channel
            if channel is None:
                return None
            sources: list[Any] = [self._wakeup, channel]
            ready = select.select(sources, [], [])[0]
            if self._wakeup in ready:
                self._signals()
            else:
                self._recorder.listen()

    def _signals(self) -> bytes:
        """The numbers of the signals that came."""
        numbers = os.read(self._wakeup, 512)
        self._is_news |= signal.SIGUSR1 in numbers
        self._is_stopping |= signal.SIGTERM in numbers
        return numbers

    def say(self, event: str, **fields: object) -> None:
        """One line in the agent's executor log."""
        execution = self._execution
        names = {"task": execution.task_name, "attempt": execution.name, "agent": execution.agent}
        log.append(
            self._log_path,
            event,
            self._clock.now(),
            **names,
            token=execution.token,
            **fields,
        )

    def _work(self) -> Ending:
        """Run the runner to its end, one way or another."""
        try:
            # From the top, where the first is new, too: the other way round costs two tries that fail.
            for directory in (os.path.dirname(self._attempt_folder), self._attempt_folder, self._workspace):
                make_private_directory(directory)
            output = Output(self._output_path, self._config.max_output_bytes)
        except OSError as fault:
            return Ending(Outcome.FAILED, error=f"its folder cannot be made: {fault}")
        since = time.monotonic()
        try:
            ending = self._start_and_watch(output)
        finally:
            # Also when the lease is lost: whoever holds the task now must find nothing of ours alive.
            told = self._tree.end(self._config.grace_seconds)
            if self._confinement is not None:
                self._confinement.end()
            cut = output.close()
        if told and ending.outcome is Outcome.SUCCEEDED:
            self.say("stragglers_ended", processes=told)
        if cut:
            self.say("output_cut", bytes=cut)
        if self._thinks and not self._refusal:
            ending = report.joined(ending, report.read(self._attempt_folder))
        return replace(ending, duration_seconds=time.monotonic() - since)

    def _start_and_watch(self, output: Output) -> Ending:
        if self._refusal:
            return Ending(Outcome.FAILED, error=self._refusal)
        os.chdir(self._workspace)
        try:
            start = spawn if self._confinement is None else self._confinement.spawn
            self._tree.start(start, self._argv, self._environment, output.descriptor)
        except NotConfined as refused:
            return Ending(Outcome.FAILED, error=str(refused))
        except OSError as fault:
            return Ending(Outcome.FAILED, error=f"{self._argv[0]} cannot be started: {fault.strerror}")
        try:
            return self._watch(output)
        except _Stop as stop:
            return Ending(stop.outcome, error=stop.error)

    def _watch(self, output: Output) -> Ending:
        """Wait until the runner ends. Raises _Stop when it must be ended, LeaseLost when the task is another's."""
        now = time.monotonic()
        deadline = now + self._execution.timeout_seconds
        renew_at, look_at, seen = self._next_renewal(now), now + OUTPUT_FAST_LOOK_SECONDS, 0
        limits_at = math.inf if self._confinement is None else now + self._confinement.pause
        while True:
            self._tree.reap()
            if self._tree.status is not None:
                return self._ending(self._tree.status)
            now = time.monotonic()
            if now >= deadline:
                limit = f"{self._execution.timeout_seconds:g} s"
                raise _Stop(Outcome.TIMED_OUT, f"time limit of {limit} reached")
            if now >= look_at:
                self._cap(output)
                grown, seen = output.size() - seen, output.size()
                fast = grown > OUTPUT_FAST_BYTES
                look_at = now + (OUTPUT_FAST_LOOK_SECONDS if fast else OUTPUT_LOOK_SECONDS)
            if now >= limits_at:
                limits_at = self._end_at_a_limit()
            if now >= renew_at or self._is_news:
                self._is_news = False
                self._heed(self._recorder.renew(self._execution.lease))
                renew_at = self._next_renewal(now)
            if self._wait(min(deadline, renew_at, look_at, limits_at) - now):
                self._recorder.listen()
                while (state := self._recorder.renewal()) is not None:
                    self._heed(state)
                renew_at = self._next_renewal(now)

    def _ending(self, status: int) -> Ending:
        """What the runner's end means. One that got SIGTERM as we did, e.g. at a shutdown, did not fail."""
        ending = _ending_of(status)
        if self._confinement is not None:
            ending = self._confinement.explained(ending)
        if ending.signal == signal.SIGTERM:
            until = time.monotonic() + SHUTDOWN_SECONDS
            while (left := until - time.monotonic()) > 0:
                self._wait(left)
        return ending

    def _cap(self, output: Output) -> None:
        try:
            output.keep_within_cap()
        except OSError as fault:
            limit = self._config.max_output_bytes
            raise _Stop(Outcome.FAILED, f"more than {limit} bytes of output, and {fault.strerror}") from None

    def _end_at_a_limit(self) -> float:
        """When to look again; raises _Stop at a limit, without the grace that others get: it would take ever more."""
        assert self._confinement is not None
        if cause := self._confinement.reached():
            self._tree.kill()
            raise _Stop(Outcome.FAILED, cause)
        return time.monotonic() + self._confinement.pause

    def _next_renewal(self, now: float) -> float:
        """When we renew the lease ourselves: later while somebody attends us, who does it before that."""
        parts = 1 if self._recorder.channel is None else 2
        return now + parts * self._config.lease_seconds / RENEWALS_PER_LEASE

    def _wait(self, seconds: float) -> bool:
        """Sleep until a signal or a word comes or the time is over; True for a word. Raises _Stop at SIGTERM."""
        channel = self._recorder.channel
        sources: list[Any] = [self._wakeup] if channel is None else [self._wakeup, channel]
        ready = select.select(sources, [], [], max(seconds, 0))[0]
        if self._wakeup in ready and signal.SIGTERM in self._signals():
            raise _Stop(Outcome.RELEASED, TOLD_TO_STOP)
        return channel in ready

    def _heed(self, state: LeaseState | None) -> None:
        if state is not None and state.cancel_requested:
            raise _Stop(Outcome.CANCELLED, "cancelled while it was running")


def listen_to_signals() -> int:
    """A descriptor on which the numbers of arriving signals can be read, a byte each."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _note)  # the others were prepared in the launcher process
    return reader


def prepare_signals() -> None:
    """What executors inherit by the fork. In the launcher process itself it does nothing."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whatever our starter had blocked
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, _note)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)


def _note(number: int, frame: object) -> None:
    """The wakeup descriptor has it already."""


def _ending_of(status: int) -> Ending:
    """What the wait status of the runner's process says."""
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return Ending(Outcome.SUCCEEDED, exit_code=0)
    if code > 0:
        return Ending(Outcome.FAILED, exit_code=code, error=f"exit status {code}")
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return Ending(Outcome.FAILED, signal=-code, error=f"ended by {name}")
