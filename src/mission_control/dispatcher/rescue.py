"""Recovery beside the dispatcher's loop: ending what a dead executor left may take seconds, and nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.dispatcher.trouble import Trouble
from mission_control.domain.attempt import Attempt, Ending, Outcome
from mission_control.errors import Conflict, NotFound, StoreBusy
from mission_control.execution import process
from mission_control.execution.recovery import recover
from mission_control.folder import Folder
from mission_control.store.attempts import Lease
from mission_control.store.store import Store

LOOK_SECONDS = 2.0  # how often all live attempts are looked at, besides when an executor hangs up
OpenStore = Callable[[], AbstractContextManager[tuple[Store, Board]]]  # a connection for the thread that asks
START_SECONDS = 10.0  # a claim of ours that nobody has started by then never will be, whatever the lease
END_SECONDS = 2.0  # how long the end of the process waits for a look under way; it is safe to cut off


class Rescue:
    """A thread with a database connection of its own that ends attempts which nobody executes any more."""

    def __init__(
        self,
        open_store: OpenStore,
        *,
        clock: Clock,
        config: Config,
        when_ended: Callable[[], None],
    ) -> None:
        """`when_ended` is called when a look has ended attempts, and so may have made tasks ready."""
        self._open_store = open_store
        self._clock = clock
        self._config = config
        self._when_ended = when_ended
        self.has_given_back = False  # claims that our launcher process was told to start and did not
        self._wanted = threading.Event()
        self._stopping = False
        self._trouble = Trouble("recovery", Folder(config.home), clock)
        self._thread = threading.Thread(target=self._live, name="rescue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look_now(self) -> None:
        """An executor has hung up."""
        self._wanted.set()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self._thread.join(END_SECONDS)

    def _live(self) -> None:
        while not self._stopping:
            try:
                with self._open_store() as (store, board):
                    self._watch(store, board)
            except Exception as fault:  # noqa: BLE001  the loop of this thread: whatever happens, attempts must be watched
                self._wait(self._trouble.note(fault))

    def _watch(self, store: Store, board: Board) -> None:
        while not self._stopping:
            store.check_place()
            try:
                ended = self._look(board)
            except StoreBusy as fault:
                self._wait(self._trouble.note(fault))
                continue
            self._trouble.over()
            if ended:
                self._when_ended()
            self._wait(LOOK_SECONDS)

    def _wait(self, seconds: float) -> None:
        self._wanted.wait(seconds)
        self._wanted.clear()

    def _look(self, board: Board) -> bool:
        """Whether anything was ended."""
        recovered = recover(board, config=self._config, clock=self._clock)
        given_back = give_back_unstarted(board, board.live(), clock=self._clock, config=self._config)
        self.has_given_back |= given_back
        return bool(recovered) or given_back


def give_back_unstarted(board: Board, live: Sequence[Attempt], *, clock: Clock, config: Config) -> bool:
    """Release claims of this process that no executor has started in time; whether there were any.

    Recovery leaves them alone while the claimer lives, which a resident one does. Should an executor come after all,
    the lost lease keeps it from starting.
    """
    longest = timedelta(seconds=max(config.lease_seconds, START_SECONDS))
    ours = process.own_identity()
    given_back = False
    for attempt in live:
        is_late = abs(clock.now() - attempt.claimed_at) > longest
        if attempt.executor is None and attempt.claimer == ours and is_late:
            ending = Ending(Outcome.RELEASED, error="no executor could be started for it")
            try:
                board.finish(Lease(attempt.task_id, attempt.number, attempt.token), ending)
                given_back = True
            except (Conflict, NotFound):
                continue  # somebody was faster
    return given_back
