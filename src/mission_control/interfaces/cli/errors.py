"""What went wrong, said once: an exit code and one line on standard error. Faults of ours leave a report file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from mission_control import __version__
from mission_control.errors import Conflict, InvalidInput, MissionControlError, NotFound, NotPermitted, Unavailable
from mission_control.folder import make_private_directory, open_private
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.text import without_controls

WORK_FAILED = 1
USAGE = 2
NOT_FOUND = 3
REFUSED = 4
UNAVAILABLE = 5
NOT_PERMITTED = 6
UNHEALTHY = 7
OUR_FAULT = 70
TIMED_OUT = 124
INTERRUPTED = 130

MOST_CHARACTERS = 300  # of a message about wrong words

_OF_BRANCH: tuple[tuple[type[MissionControlError], int], ...] = (
    (InvalidInput, USAGE),
    (NotFound, NOT_FOUND),
    (Conflict, REFUSED),
    (NotPermitted, NOT_PERMITTED),
    (Unavailable, UNAVAILABLE),
)


def complain(text: str) -> None:
    """Say on standard error what went wrong; a closed standard error is no reason to fail differently."""
    try:
        click.echo(f"missionctl: {without_controls(text)}", err=True)
    except OSError:
        return


def report_refusal(fault: MissionControlError) -> int:
    """Say why it was refused; returns the exit code of its branch."""
    complain(str(fault))
    return next((code for branch, code in _OF_BRANCH if isinstance(fault, branch)), OUR_FAULT)


def report_usage(fault: click.ClickException) -> int:
    """Say what was wrong with the words of the command line, and where help is."""
    if isinstance(fault, click.exceptions.NoArgsIsHelpError):
        click.echo(fault.format_message(), err=True)
        return USAGE
    context = fault.ctx if isinstance(fault, click.UsageError) else None
    path = context.command_path if context else "missionctl"
    message = " ".join(fault.format_message().split())
    if len(message) > MOST_CHARACTERS:  # it quotes what was given, which may be a whole file
        message = f"{message[:MOST_CHARACTERS]}…"
    complain(f"{message}{'' if message.endswith(('.', '?', ')')) else '.'} See: {path} --help")
    return USAGE


def report_system(fault: OSError) -> int:
    """Say what the system refused: permissions, a full disk, a file that cannot be read."""
    where = f": {fault.filename}" if fault.filename else ""
    complain(f"The system says: {fault.strerror or fault}{where}.")
    return NOT_PERMITTED if isinstance(fault, PermissionError) else UNAVAILABLE


def report_fault_of_ours(fault: BaseException, session: Session, command: str) -> int:
    """Write a private report file and name it. The words of the command line stay out: they may hold secrets."""
    # Imported here: only the rare fault should pay for them.
    import platform
    import traceback

    text = "\n".join(
        [
            f"missionctl {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"command: {command}",
            "",
            *traceback.format_exception(fault),
        ]
    )
    try:
        where = str(_write_report(text, session))
    except OSError as unwritable:
        where = f"nowhere ({unwritable.strerror})"
    complain(f"This is a fault of missionctl: {type(fault).__name__}. The report is in {where}. Please pass it on.")
    return OUR_FAULT


def _write_report(text: str, session: Session) -> Path:
    """Into the mission's logs when one is open, else into the system's folder for temporary files."""
    import tempfile

    if session.opened is not None:
        folder = session.opened.folder.home / "logs"
        make_private_directory(folder)
    else:
        folder = Path(tempfile.gettempdir())
    path = folder / f"missionctl-fault-{os.getpid()}-{os.urandom(4).hex()}.txt"
    with open(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def drop_output() -> None:
    """Write out what is still buffered, or let it go nowhere, so that the interpreter's last flush cannot fail."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
