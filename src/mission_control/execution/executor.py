"""The executor: the isolated process of one attempt. It outlives whoever started it.

Told in order: take the lease, start the runner, watch it, end its whole tree, write the exit file, record.
Signals: SIGTERM gives the task back unharmed, SIGUSR1 means "look at the board now", SIGCHLD a child has ended.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from mission_control import log
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome
from mission_control.errors import LeaseLost
from mission_control.execution import doorbell, exit_file
from mission_control.execution.environment import environment_of
from mission_control.execution.execution import Execution
from mission_control.execution.output import Output
from mission_control.execution.recorder import Recorder
from mission_control.execution.runners import RUNNERS, refuses
from mission_control.execution.tree import Tree, become_subreaper
from mission_control.folder import Folder, make_private_directory

OUTPUT_LOOK_SECONDS = 1.0  # how often the size of the log is looked at
OUTPUT_FAST_LOOK_SECONDS = 0.1  # while it grows fast
OUTPUT_FAST_BYTES = 1_000_000
RENEWALS_PER_LEASE = 3
SHUTDOWN_SECONDS = 0.5  # a shutdown signals us and the runner at nearly the same time, in any order


class _Stop(Exception):
    def __init__(self, outcome: Outcome, error: str) -> None:
        self.outcome = outcome
        self.error = error


class Executor:
    """One attempt's executor. Made by the launcher process, before the fork: pages that are written here, where
    they can be shared, need not be copied by each executor.
    """

    def __init__(self, execution: Execution, *, config: Config, clock: Clock, inherited: Mapping[str, str]) -> None:
        """`inherited` is what the attempt gets of our environment."""
        folder = Folder(config.home)
        self._refusal = refuses(execution.runner, execution.command)
        self._execution = execution
        self._config = config
        self._clock = clock
        self._argv = [] if self._refusal else RUNNERS[execution.runner].command_line(execution)
        self._environment = environment_of(execution, str(config.home), inherited)
        self._attempt_folder = str(folder.attempt(execution.task_id, execution.number))
        self._workspace = os.path.join(self._attempt_folder, "workspace")
        self._output_path = str(folder.output(execution.task_id, execution.number))
        self._doorbells = folder.doorbells
        self._log_path = str(folder.executor_log(execution.agent))

    def live(self, recorder: Recorder) -> NoReturn:
        """Live the whole life of the attempt, in a process of its own, and end that process."""
        status = 70
        try:
            self._recorder = recorder
            self._wakeup = listen_to_signals()
            self._tree = Tree(self._wakeup)
            self._run()
            status = 0
        except LeaseLost:
            self.say("lease_lost")
            status = 0
        except BaseException as fault:  # noqa: BLE001  the last frame of a process that nobody sees
            self.say("attempt_not_recorded", error=f"{type(fault).__name__}: {fault}")
        finally:
            # Nothing of the process we were forked from may run: no atexit, no flushed buffers of its own.
            os._exit(status)

    def _run(self) -> None:
        os.setsid()
        become_subreaper()
        if self._recorder.start().cancel_requested:
            ending = Ending(Outcome.CANCELLED, error="cancelled before it started")
        else:
            self.say("attempt_started", pid=os.getpid())
            ending = self._work()
        self._keep(ending)
        self._recorder.finish(ending)
        if self._recorder.channel is None:  # whoever waits for the slot was not told by us
            doorbell.ring(self._doorbells)
        self.say(
            f"attempt_{ending.outcome}",
            exit_code=ending.exit_code,
            error=ending.error,
            seconds=ending.duration_seconds,
        )

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
            make_private_directory(self._workspace)
            output = Output(self._output_path, self._config.max_output_bytes)
        except OSError as fault:
            return Ending(Outcome.FAILED, error=f"its folder cannot be made: {fault}")
        since = time.monotonic()
        try:
            ending = self._start_and_watch(output)
        finally:
            # Also when the lease is lost: whoever holds the task now must find nothing of ours alive.
            told = self._tree.end(self._config.grace_seconds)
            cut = output.close()
        if told and ending.outcome is Outcome.SUCCEEDED:
            self.say("stragglers_ended", processes=told)
        if cut:
            self.say("output_cut", bytes=cut)
        return replace(ending, duration_seconds=time.monotonic() - since)

    def _start_and_watch(self, output: Output) -> Ending:
        if self._refusal:
            return Ending(Outcome.FAILED, error=self._refusal)
        os.chdir(self._workspace)
        try:
            self._tree.start(self._argv, self._environment, output.descriptor)
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
        renewal_pause = self._config.lease_seconds / RENEWALS_PER_LEASE
        renew_at, look_at, seen = now + renewal_pause, now + OUTPUT_FAST_LOOK_SECONDS, 0
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
            if now >= renew_at:
                self._renew()
                renew_at = now + renewal_pause
            if self._wait(min(deadline, renew_at, look_at) - now):
                renew_at = now

    def _ending(self, status: int) -> Ending:
        """What the runner's end means. One that got SIGTERM as we did, e.g. at a shutdown, did not fail."""
        ending = _ending_of(status)
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

    def _wait(self, seconds: float) -> bool:
        """Sleep until a signal comes or the time is over; True when somebody says that the board has news."""
        if not select.select([self._wakeup], [], [], max(seconds, 0))[0]:
            return False
        numbers = os.read(self._wakeup, 512)
        if signal.SIGTERM in numbers:
            raise _Stop(Outcome.RELEASED, "its executor was told to stop")
        return signal.SIGUSR1 in numbers

    def _renew(self) -> None:
        state = self._recorder.renew()
        if state is not None and state.cancel_requested:
            raise _Stop(Outcome.CANCELLED, "cancelled while it was running")

    def _keep(self, ending: Ending) -> None:
        """Write the exit file; without room for it the board is told all the same, for as long as that takes."""
        try:
            make_private_directory(self._attempt_folder)
            exit_file.write(self._attempt_folder, self._execution.token, ending)
        except OSError as fault:
            self.say("attempt_not_recorded", error=f"exit file: {fault}")


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
