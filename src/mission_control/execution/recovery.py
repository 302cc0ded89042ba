"""Recovery: attempts whose executor is gone are ended, with the cause named. Safe to do twice at once.

An attempt of this machine is never judged by the clock alone: its process must be gone. Those of other machines, and
of containers into which we cannot look, end when their lease has expired.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from mission_control import log
from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Attempt, Ending, Outcome, attempt_name
from mission_control.errors import Conflict, NotFound
from mission_control.execution import exit_file, process, report
from mission_control.execution.confinement.cgroup import delegated, kill_left_behind
from mission_control.execution.execution import mark
from mission_control.folder import Folder
from mission_control.store.attempts import Lease

KILL_SECONDS = 5.0  # how long what got SIGKILL may take to vanish before we leave it to the next heartbeat
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Dead:
    """An attempt without an executor, and why we say so."""

    attempt: Attempt
    cause: str
    is_here: bool  # what is left of it would be on this machine


def find_dead(attempts: Sequence[Attempt], *, config: Config, now: datetime) -> list[Dead]:
    """Which of these live attempts nobody executes any more."""
    lease = timedelta(seconds=config.lease_seconds)
    judged = (_judge(attempt, config.host, now, lease) for attempt in attempts)
    return [dead for dead in judged if dead is not None]


def _judge(attempt: Attempt, host: str, now: datetime, lease: timedelta) -> Dead | None:
    known = attempt.executor or attempt.claimer
    if known.boot == process.boot():
        if process.is_alive(known):
            return None
        if attempt.executor is not None:
            return Dead(attempt, f"its executor (pid {known.pid}) is gone", is_here=True)
        # Its claimer may have ended in good order while the executor is just being born. A claim far in the future
        # was made before the clock was set back.
        if abs(now - attempt.claimed_at) < lease:
            return None
        return Dead(attempt, f"whoever claimed it (pid {known.pid}) ended before it started", is_here=True)
    if attempt.host == host and process.has_rebooted_since(known):
        return Dead(attempt, f"{host} was restarted", is_here=True)
    if attempt.lease_expires_at < now:
        silent = (now - attempt.lease_expires_at + lease).total_seconds()
        return Dead(attempt, f"no sign of life from {attempt.host} for {silent:.0f} s", is_here=False)
    return None


def recover(board: Board, *, config: Config, clock: Clock) -> list[Attempt]:
    """End every attempt whose executor is gone: by its exit file where it left one, else as lost.

    What is left of its processes is ended first. Returns the attempts that this call ended, with their outcomes.
    """
    dead = find_dead(board.live(), config=config, now=clock.now())
    if not dead:
        return []
    still_there = end_leftovers([d.attempt for d in dead if d.is_here], config=config)
    folder = Folder(config.home)
    found = {d.attempt.name for d in dead} - still_there
    with board.together():
        # Judged anew: since then somebody may have recorded its end, or its executor may have started or renewed.
        still_dead = [d for d in find_dead(board.live(), config=config, now=clock.now()) if d.attempt.name in found]
        ended = [(d, ending) for d in still_dead if (ending := record(board, d, folder))]
    for d, ending in ended:
        _log(d, ending, folder, clock)
    return [_ended(d.attempt, ending, clock) for d, ending in ended]


def record(board: Board, dead: Dead, folder: Folder) -> Ending | None:
    """End this attempt by the exit file it left, else as lost; None when somebody else recorded another end first."""
    attempt = dead.attempt
    place = folder.attempt(attempt.task_id, attempt.number)
    left = exit_file.read(place, attempt.token)
    # What its agent reported before it was lost: the tokens were paid for, the session can be gone on with.
    ending = left or report.joined(Ending(Outcome.LOST, error=dead.cause), report.read(place))
    try:
        board.finish(Lease(attempt.task_id, attempt.number, attempt.token), ending)
    except (Conflict, NotFound):
        return None
    return ending


def _log(dead: Dead, ending: Ending, folder: Folder, clock: Clock) -> None:
    attempt = dead.attempt
    log.append(
        folder.executor_log(attempt.agent),
        "attempt_lost" if ending.outcome is Outcome.LOST else "attempt_recovered",
        clock.now(),
        task=f"T-{attempt.task_id}",
        attempt=attempt_name(attempt.task_id, attempt.number),
        agent=attempt.agent,
        token=attempt.token,
        outcome=ending.outcome,
        cause=dead.cause,
    )


def _ended(attempt: Attempt, ending: Ending, clock: Clock) -> Attempt:
    return replace(
        attempt,
        ended_at=clock.now(),
        outcome=ending.outcome,
        exit_code=ending.exit_code,
        signal=ending.signal,
        error=ending.error,
        duration_seconds=ending.duration_seconds,
    )


def end_leftovers(attempts: Sequence[Attempt], *, config: Config) -> set[str]:
    """End what is left of attempts without executor: SIGTERM, grace, SIGKILL, all at once.

    Returns the names of attempts of which something still lives, e.g. in uninterruptible sleep.
    """
    executors = {attempt.name: attempt.executor for attempt in attempts}
    beginning = mark(str(config.home), "")
    folder = Folder(Path(os.path.realpath(config.home)))
    outputs = {str(folder.output(attempt.task_id, attempt.number)): attempt.name for attempt in attempts}

    def living() -> dict[str, list[process.Process]]:
        return process.leftovers(executors, beginning, outputs)

    _signal_until_gone(living, signal.SIGTERM, config.grace_seconds)
    for executor in filter(None, executors.values()):
        kill_left_behind(config.cgroup or delegated(), executor)  # also what nothing else tells is theirs
    _signal_until_gone(living, signal.SIGKILL, KILL_SECONDS)
    return set(living())


def _signal_until_gone(
    living: Callable[[], dict[str, list[process.Process]]], number: signal.Signals, seconds: float
) -> None:
    """Signal what lives, anew what appears, until nothing lives or the time is over."""
    told: set[tuple[int, str]] = set()
    deadline = time.monotonic() + seconds
    while found := living():
        for processes in found.values():
            new = [p for p in processes if (p.pid, p.started) not in told or number is signal.SIGKILL]
            process.send(new, number)
            told |= {(p.pid, p.started) for p in new}
        if time.monotonic() >= deadline:
            return
        time.sleep(LOOK_SECONDS)
