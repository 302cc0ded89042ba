"""Executing one task now, with its output before whoever asked for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.attempt import Outcome
from mission_control.execution import process
from mission_control.execution.attendance import attending, claim_nothing
from mission_control.execution.recovery import recover
from mission_control.folder import Folder
from mission_control.store import attempts
from mission_control.store.store import Store

LOOK_SECONDS = 0.05


def run_in_foreground(
    task_id: int,
    agent: str,
    *,
    store: Store,
    board: Board,
    clock: Clock,
    config: Config,
    environment: Mapping[str, str],
    show: BinaryIO,
) -> Outcome:
    """Claim this task out of turn, execute it and copy its output to `show` until it ends.

    Raises Conflict with the cause when it cannot start. Ctrl-C leaves the executor at work and raises
    KeyboardInterrupt: stopping the work is `task cancel`.
    """
    folder = Folder(config.home)
    with attending(board, config, environment) as attendance:
        claim = board.claim_task(task_id, agent, claimer=process.own_identity())
        attendance.launch([claim])
        output = _Copy(folder.output(task_id, claim.lease.number), show)
        while attendance.live:
            attendance.turn(LOOK_SECONDS, claim_nothing)
            output.copy()
            if attendance.lost_sight_of:
                recover(board, config=config, clock=clock)
                attendance.forget_ended(store)
        output.copy()
    ended = attempts.get(store, task_id, claim.lease.number)
    assert ended is not None and ended.outcome is not None
    return ended.outcome


class _Copy:
    """What a growing file holds, as it comes."""

    def __init__(self, path: Path, show: BinaryIO) -> None:
        self._path = path
        self._show = show
        self._position = 0

    def copy(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            while piece := os.pread(descriptor, 65536, self._position):
                self._position += len(piece)
                self._show.write(piece)
        finally:
            os.close(descriptor)
        self._show.flush()
