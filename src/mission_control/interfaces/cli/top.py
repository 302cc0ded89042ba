"""`missionctl top`: the squad at work, live."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from mission_control.domain.task import Status
from mission_control.errors import InvalidInput, Unavailable
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.events import COLUMNS as EVENT_COLUMNS
from mission_control.interfaces.cli.output import Column, print_json, print_table
from mission_control.interfaces.cli.parameters import DURATION
from mission_control.interfaces.cli.status import look, print_tables
from mission_control.interfaces.mission import Bell

if TYPE_CHECKING:
    from mission_control.interfaces.cli.top_picture import Picture

MOST_ROWS = 100  # of the queue and of the history; more than fits on a terminal
BREATH_SECONDS = 0.1  # between two pictures, however often the bell rings
_SHORTEST, _LONGEST = timedelta(seconds=0.1), timedelta(hours=1)
_QUIT = b"qQ"


@command("top", examples=("missionctl top", "missionctl top --refresh 5s", "missionctl top --json"))
@click.option(
    "--refresh", type=DURATION, default="1s", show_default=True, help="Look again after so long at the latest."
)
def top(session: Session, *, refresh: timedelta) -> None:
    """Watch the squad, what runs, what waits and why, and what has happened. Ends with q.

    Looks again at once when something happens on this machine. Without a terminal, and with --json: one look.
    """
    if not _SHORTEST <= refresh <= _LONGEST:
        raise InvalidInput("--refresh must lie between 100ms and 1h.")
    if session.is_terminal:
        _watch(session, refresh.total_seconds())
    else:
        _print_once(session)


def _print_once(session: Session) -> None:
    """For scripts: what `status` gives, the queue, and the last of the history."""
    view, gone, there = look(session.mission)
    views = session.mission.views
    waiting = [of for of in views.tasks(limit=MOST_ROWS) if of.task.status is not Status.IN_PROGRESS]
    activities = [shapes.activity_json(activity) for activity in views.activities(limit=MOST_ROWS)]
    if session.as_json:
        queue = [shapes.task_json(of, with_attempts=False) for of in waiting]
        print_json({**shapes.status_json(view, gone, there), "queue": queue, "activities": activities})
        return
    print_tables(session, view, gone, there)
    click.echo()
    columns = [Column("id"), Column("status"), Column("title"), Column("agents"), Column("waiting_for")]
    rows = [
        [of.task.name, of.task.status, of.task.title, ",".join(of.task.agents), "; ".join(shapes.waiting_for(of))]
        for of in waiting
    ]
    print_table(session, columns, rows, when_empty="")
    click.echo()
    events = [["" if event[name] is None else str(event[name]) for name in EVENT_COLUMNS] for event in activities]
    print_table(session, [Column(name) for name in EVENT_COLUMNS], events, when_empty="")


def _watch(session: Session, refresh_seconds: float) -> None:
    """Draw the picture again and again, until a person has seen enough."""
    # Imported here: rich costs 50 ms that only a person should pay.
    from rich.control import Control

    from mission_control.interfaces.cli import terminal
    from mission_control.interfaces.cli.top_picture import compose

    console = terminal.console(session)
    if console.is_dumb_terminal:  # it has no screen to draw on
        _print_once(session)
        return
    picture: Picture | None = None
    with _hung(session) as bell, _noticed_resizes() as resized, _keys() as keys, console.screen() as screen:
        while True:
            bell.clear()
            _drain(resized)
            picture = _look(session, picture)
            drawn = compose(picture, width=console.width, height=console.height)
            with console:  # one write, from the upper left corner: nothing flickers, nothing scrolls
                console.control(Control.home())
                screen.update(drawn)
            if _leaves(keys, [], BREATH_SECONDS) or _leaves(keys, [resized, bell.descriptor], refresh_seconds):
                return


def _look(session: Session, before: Picture | None) -> Picture:
    """The mission now; where it cannot be seen for a moment, as it was before."""
    from mission_control.interfaces.cli.top_picture import Picture

    mission = session.mission
    try:
        view, gone, there = look(mission)
        unfinished = mission.views.tasks(limit=MOST_ROWS + len(view.live))
        activities = mission.views.activities(limit=MOST_ROWS)
    except Unavailable as fault:
        if before is None:
            raise
        return replace(before, now=session.now, trouble=str(fault))
    return Picture(
        name=mission.folder.home.name,
        view=view,
        gone=frozenset(gone),
        is_up=there is not None,
        waiting=[of for of in unfinished if of.task.status is not Status.IN_PROGRESS],
        activities=activities,
        now=view.at,
    )


def _leaves(keys: int | None, others: Sequence[int], seconds: float) -> bool:
    """Wait until something happens or the time is over; whether a person wants to leave."""
    heard, _, _ = select.select([*others, *([] if keys is None else [keys])], [], [], seconds)
    if keys not in heard:
        return False
    typed = os.read(keys, 4096)
    return not typed or any(key in typed for key in _QUIT)  # nothing typed: the terminal is gone


@contextmanager
def _hung(session: Session) -> Iterator[Bell]:
    bell = session.mission.hang_bell()
    try:
        yield bell
    finally:
        bell.close()


@contextmanager
def _noticed_resizes() -> Iterator[int]:
    """A descriptor that becomes readable when the terminal has another size. Signals to end leave it in order."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    before = {
        signal.SIGWINCH: signal.signal(signal.SIGWINCH, lambda *_: _note(write)),
        signal.SIGTERM: signal.signal(signal.SIGTERM, _end),
        signal.SIGHUP: signal.signal(signal.SIGHUP, _end),
    }
    try:
        yield read
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def _note(descriptor: int) -> None:
    try:
        os.write(descriptor, b"!")
    except BlockingIOError:
        pass  # noted often enough


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass  # nothing more


def _end(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


@contextmanager
def _keys() -> Iterator[int | None]:
    """The keyboard, key by key and without echo; null when standard input is something else."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    keyed = termios.tcgetattr(keyboard)
    keyed[3] &= ~(termios.ICANON | termios.ECHO)
    # Ctrl-Z would leave the shell on our screen.
    keyed[6][termios.VSUSP] = b"\0"
    try:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, keyed)
        yield keyboard
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
