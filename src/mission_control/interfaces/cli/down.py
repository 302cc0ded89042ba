"""`missionctl down`: end the resident process, and what runs as asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from mission_control.domain.attempt import Attempt
from mission_control.errors import InvalidInput, Unavailable
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import TIMED_OUT, complain
from mission_control.interfaces.cli.output import print_done, print_json
from mission_control.interfaces.cli.parameters import DURATION
from mission_control.interfaces.cli.waiting import as_it_stands, wait_until_ended

if TYPE_CHECKING:
    from mission_control.dispatcher.seat import Occupant

END_SECONDS = 30.0  # it may be waiting for a database that another process holds
AFTER_GRACE_SECONDS = 2.0  # what executors need to record the end once everything is dead
LOOK_SECONDS = 0.02


@command(
    "down",
    examples=("missionctl down", "missionctl down --drain --timeout 10m", "missionctl down --stop"),
    exits={0: "done, also when nothing was up", 124: "--timeout passed; what runs goes on"},
)
@click.option("--drain", is_flag=True, help="Then wait until what runs on this machine has ended.")
@click.option(
    "--stop", is_flag=True, help="Then end what runs on this machine; its tasks go back to the inbox unharmed."
)
@click.option("--timeout", type=DURATION, help="Wait for what runs no longer than this, e.g. 10m.")
def down(session: Session, timeout: timedelta | None, *, drain: bool, stop: bool) -> int:
    """End the resident process of this machine. What runs goes on and records its end by itself.

    Heartbeats by cron are not kept from starting more; that does missionctl pause.
    """
    if drain and stop:
        raise InvalidInput("Give --drain or --stop, not both.")
    if timeout is not None and not (drain or stop):
        raise InvalidInput("--timeout is for --drain and --stop.")
    mission = session.mission
    there = mission.resident.tell_to_stop()
    if there is not None:
        _wait_for_end(session, there)
    running = [live.attempt for live in mission.views.status().live if mission.is_here(live.attempt)]
    seconds = None if timeout is None else timeout.total_seconds()
    left = running
    if drain:
        left = wait_until_ended(session, running, seconds)
    elif stop:
        grace = mission.config.grace_seconds + AFTER_GRACE_SECONDS
        left = wait_until_ended(session, running, grace if seconds is None else seconds, tell=mission.stop)
    _print(session, there, running, left)
    if left and (drain or stop):
        complain(f"Not ended in time: {_names(left)}. They go on; see: missionctl status")
        return TIMED_OUT
    return 0


def _wait_for_end(session: Session, there: Occupant) -> None:
    deadline = time.monotonic() + END_SECONDS
    while session.mission.resident.occupant() == there:
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"Process {there.pid} was told to end, and has not within {END_SECONDS:g} s. "
                f"Nothing is lost by: kill -9 {there.pid}"
            )
        time.sleep(LOOK_SECONDS)


def _print(session: Session, there: Occupant | None, running: Sequence[Attempt], left: Sequence[Attempt]) -> None:
    ended = [now for attempt in running if (now := as_it_stands(session, attempt)) and not now.is_live]
    if session.as_json:
        document = {
            "ended_process": None if there is None else shapes.occupant_json(there),
            "ended": [shapes.attempt_json(attempt) for attempt in ended],
            "live": [shapes.attempt_json(attempt) for attempt in left],
        }
        print_json(document)
        return
    if session.is_terminal:
        print_done(session, "Nothing was up." if there is None else f"Process {there.pid} has ended.")
        for attempt in ended:
            click.echo(f"  {attempt.name} {attempt.outcome}")
        if left:
            click.echo(f"  {_names(left)} {'goes' if len(left) == 1 else 'go'} on.")
    elif there is not None:
        click.echo(there.pid)


def _names(attempts: Sequence[Attempt]) -> str:
    return ", ".join(attempt.name for attempt in attempts)
