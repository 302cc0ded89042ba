"""`missionctl task logs`: what the runner of an attempt printed, also while it runs."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator

import click

from mission_control.domain.attempt import Attempt, attempt_name
from mission_control.domain.task import task_name
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import print_json, tell
from mission_control.interfaces.cli.parameters import ROWS, TASK_ID
from mission_control.interfaces.cli.text import without_controls
from mission_control.interfaces.tail import Follower, TextPieces

NAP_SECONDS = 0.2  # between two looks at a file that says nothing new


@command(
    "logs",
    examples=("missionctl task logs T-12", "missionctl task logs T-12 -f", "missionctl logs T-12/1 -n 20"),
    exits={3: "no such task or attempt, or it has not been tried yet"},
)
@click.argument("task", type=TASK_ID, metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the attempt ends.")
@click.option("--attempt", "number", type=click.IntRange(1), metavar="N", help="The N-th attempt. Default: the latest.")
@click.option("-n", "--lines", type=ROWS, metavar="N", help="The last N lines only. Default: all.")
@click.option("--raw", is_flag=True, help="As it was printed, control characters included.")
def logs(session: Session, task: str, *, follow: bool, number: int | None, lines: int | None, raw: bool) -> None:
    """Show what an attempt printed: its standard output and errors, in their order.

    Control characters are taken out, so that nobody's output can steer your terminal; --raw leaves them in. With
    --json one document, with --follow as soon as the attempt has ended.
    """
    views = session.mission.views
    if number is None:
        task_id, number = views.resolve_attempt(task)
    else:
        task_id, number = views.resolve_attempt(f"{attempt_name(views.resolve_task(task), number)}")
    show_output(session, views.attempt(task_id, number), follow=follow, lines=lines, raw=raw)


def show_output(session: Session, attempt: Attempt, *, follow: bool, lines: int | None, raw: bool) -> None:
    """Print the output of an attempt; with `follow` until it has ended."""
    follower = Follower(session.mission.folder.output(attempt.task_id, attempt.number))
    try:
        if session.as_json:
            pieces = _read_to_end(session, attempt, follower) if follow else _read_now(follower)
            _print_document(session, attempt, b"".join(pieces), lines=lines, raw=raw)
            return
        show = _Display(raw=raw)
        for piece in _last(_read_now(follower), lines):
            show.add(piece)
        if follow:
            for piece in _read_to_end(session, attempt, follower):
                show.add(piece)
        show.finish()
        if session.is_terminal:
            _tell_end(session, attempt, said_anything=show.said_anything)
    finally:
        follower.close()


def _read_now(follower: Follower) -> Iterator[bytes]:
    """What is there at this moment, with a line in place of what was cut out."""
    while piece := follower.read():
        if follower.skipped:
            yield f"\n[… {follower.skipped} bytes of output cut here …]\n".encode()
        yield piece


def _read_to_end(session: Session, attempt: Attempt, follower: Follower) -> Iterator[bytes]:
    """What comes until the attempt has ended; an empty piece where nothing more comes for the moment."""
    warned = False
    while True:
        # In this order: an executor records the end before it goes, so whoever is gone and not ended was lost.
        executing = session.mission.is_executing(attempt)
        attempt = session.mission.views.attempt(attempt.task_id, attempt.number)
        yield from _read_now(follower)
        if not attempt.is_live:
            return
        yield b""
        if not (executing or warned):
            tell(f"missionctl: The executor of {attempt.name} is gone; the next heartbeat ends the attempt.")
            warned = True
        time.sleep(NAP_SECONDS)


def _last(pieces: Iterator[bytes], lines: int | None) -> Iterator[bytes]:
    """All, or the last `lines` lines alone."""
    if lines is None:
        return pieces
    kept: deque[bytes] = deque(maxlen=lines)
    begun = b""
    for piece in pieces:
        *ended, begun = (begun + piece).split(b"\n")
        kept.extend(line + b"\n" for line in ended)
    if begun:
        kept.append(begun)
    return iter(kept)


class _Display:
    """Prints pieces of output as they come."""

    def __init__(self, *, raw: bool) -> None:
        self._text = None if raw else TextPieces()
        self._last = "\n"
        self.said_anything = False

    def add(self, piece: bytes) -> None:
        """Print a piece; an empty one says that everything so far should be seen."""
        if self._text is None:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            self._print(self._text.add(piece))
        self.said_anything |= bool(piece)

    def finish(self) -> None:
        """Print what was held back, and end the last line."""
        if self._text is not None:
            self._print(self._text.finish())
            self._print("" if self._last == "\n" else "\n")

    def _print(self, text: str) -> None:
        shown = clean(text)
        if shown:
            self._last = shown[-1]
            click.echo(shown, nl=False)


def clean(text: str) -> str:
    """Output that cannot steer a terminal. A progress bar's carriage return becomes a line end: nothing is lost."""
    return without_controls(text.replace("\r\n", "\n").replace("\r", "\n"))


def _print_document(session: Session, attempt: Attempt, output: bytes, *, lines: int | None, raw: bool) -> None:
    kept = b"".join(_last(iter([output]), lines))
    text = kept.decode("utf-8", "replace")
    ended = session.mission.views.attempt(attempt.task_id, attempt.number)
    print_json({**shapes.attempt_json(ended), "text": text if raw else clean(text)})


def is_removed(session: Session, attempt: Attempt) -> bool:
    """Whether its folder, which every attempt of this machine has that has started, is gone."""
    folder = session.mission.folder.attempt(attempt.task_id, attempt.number)
    is_of_here = attempt.host == session.mission.config.host and attempt.started_at is not None
    return is_of_here and not attempt.is_live and not folder.exists()


def _tell_end(session: Session, attempt: Attempt, *, said_anything: bool) -> None:
    """Beside the output, for a person: why there is none, and how it ended."""
    now = session.mission.views.attempt(attempt.task_id, attempt.number)
    if is_removed(session, now):
        tell(f"What {now.name} printed was removed: it was old enough. See: missionctl show {task_name(now.task_id)}")
    elif not said_anything:
        tell(f"{now.name} has printed nothing{' yet' if now.is_live else ''}.")
    if now.outcome is not None:
        error = f": {now.error}" if now.error else ""
        tell(f"{now.name} {now.outcome.replace('_', ' ')}{error}")
